//! Acts on service accounts, which operators know by name or id.

use kith_contracts::identity::v1::{
    CreateServiceAccountRequest, ListServiceAccountsRequest, RevokeServiceAccountRequest,
    RotateServiceSecretRequest, ServiceAccount,
};
use kith_rpc::process::AnyError;
use secrecy::SecretString;

use super::users::{refused, within};
use crate::operator::Operator;

/// What the operator's token must allow.
pub(crate) const MANAGE_SERVICES: &[&str] = &["identity.services.manage"];

/// A service account, and its new secret, which nobody else knows.
#[derive(Debug)]
pub(crate) struct WithSecret {
    pub(crate) account: ServiceAccount,
    pub(crate) secret: SecretString,
}

impl WithSecret {
    fn of(account: Option<ServiceAccount>, secret: String) -> Result<Self, AnyError> {
        Ok(Self {
            account: answered(account)?,
            secret: secret.into(),
        })
    }
}

/// Makes a service account.
pub(crate) async fn service_account_create(
    operator: &Operator,
    name: String,
    scopes: Vec<String>,
) -> Result<WithSecret, AnyError> {
    let request = CreateServiceAccountRequest { name, scopes };
    let answer = operator.identity().create_service_account(within(request)).await;
    let made = answer.map_err(|status| refused(&status))?.into_inner();
    WithSecret::of(made.service_account, made.secret)
}

/// Every service account, newest first.
pub(crate) async fn service_accounts_list(operator: &Operator) -> Result<Vec<ServiceAccount>, AnyError> {
    let (mut accounts, mut page_token) = (Vec::new(), String::new());
    loop {
        let request = ListServiceAccountsRequest {
            page_size: 0,
            page_token,
        };
        let answer = operator.identity().list_service_accounts(within(request)).await;
        let page = answer.map_err(|status| refused(&status))?.into_inner();
        accounts.extend(page.service_accounts);
        if page.next_page_token.is_empty() {
            return Ok(accounts);
        }
        page_token = page.next_page_token;
    }
}

/// Gives a service account a new secret.
pub(crate) async fn service_secret_rotate(
    operator: &Operator,
    name_or_id: &str,
) -> Result<WithSecret, AnyError> {
    let request = RotateServiceSecretRequest {
        service_account_id: find(operator, name_or_id).await?.id,
    };
    let answer = operator.identity().rotate_service_secret(within(request)).await;
    let rotated = answer.map_err(|status| refused(&status))?.into_inner();
    WithSecret::of(rotated.service_account, rotated.secret)
}

/// Revokes a service account.
pub(crate) async fn service_account_revoke(
    operator: &Operator,
    name_or_id: &str,
) -> Result<ServiceAccount, AnyError> {
    let request = RevokeServiceAccountRequest {
        service_account_id: find(operator, name_or_id).await?.id,
    };
    let answer = operator.identity().revoke_service_account(within(request)).await;
    answered(
        answer
            .map_err(|status| refused(&status))?
            .into_inner()
            .service_account,
    )
}

async fn find(operator: &Operator, name_or_id: &str) -> Result<ServiceAccount, AnyError> {
    one_of(service_accounts_list(operator).await?, name_or_id).map_err(AnyError::from)
}

/// The account that is meant. A name may be the number of another account: then only the other's name, or the one's id,
/// is clear.
fn one_of(accounts: Vec<ServiceAccount>, name_or_id: &str) -> Result<ServiceAccount, String> {
    let is_meant =
        |account: &ServiceAccount| account.name == name_or_id || account.id.to_string() == name_or_id;
    let mut meant = accounts.into_iter().filter(is_meant);
    match (meant.next(), meant.next()) {
        (None, _) => Err(format!("no service account has the name or id {name_or_id:?}")),
        (Some(account), None) => Ok(account),
        (Some(one), Some(other)) => Err(format!(
            "{name_or_id:?} may be {} (service {}) or {} (service {})",
            one.name, one.id, other.name, other.id
        )),
    }
}

fn answered(account: Option<ServiceAccount>) -> Result<ServiceAccount, AnyError> {
    account.ok_or_else(|| "identity answered no service account".into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn accounts() -> Vec<ServiceAccount> {
        let account = |(id, name): (i64, &str)| ServiceAccount {
            id,
            name: name.to_owned(),
            ..Default::default()
        };
        [(4, "2"), (3, "feed"), (2, "search")].map(account).into()
    }

    #[test]
    fn an_account_is_found_by_its_name_and_by_its_id() {
        for (name_or_id, id) in [("feed", 3), ("3", 3), ("search", 2), ("4", 4)] {
            assert_eq!(one_of(accounts(), name_or_id).map(|account| account.id), Ok(id));
        }
        let nobody = one_of(accounts(), "fee");
        assert_eq!(
            nobody,
            Err(r#"no service account has the name or id "fee""#.to_owned())
        );
    }

    #[test]
    fn the_name_of_one_that_is_the_id_of_another_is_neither() {
        let told = one_of(accounts(), "2");
        assert_eq!(
            told,
            Err(r#""2" may be 2 (service 4) or search (service 2)"#.to_owned())
        );
    }
}
