//! What the contracts say of each RPC, read from the descriptor set at start.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use kith_telemetry::CallType;
use prost_reflect::{DescriptorPool, DynamicMessage, MethodDescriptor, Value};

pub use kith_contracts::access::v1::Audience;

/// One RPC, and who may call it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    /// `package.Service/Method`, the name of its spans.
    pub name: String,
    /// `package.Service`.
    pub service: String,
    /// Who may call it; `Unspecified` when the contract does not say, and then nobody may.
    pub audience: Audience,
    /// The scope that an operator needs; empty when the audience has no operators.
    pub scope: String,
    /// Whether the contract says `idempotency_level = NO_SIDE_EFFECTS`. Every other RPC runs as a mutation.
    pub read_only: bool,
    /// Whether requests or answers are a stream.
    pub call_type: CallType,
}

impl Method {
    /// Whether requests or answers are a stream.
    pub fn streams(&self) -> bool {
        self.call_type != CallType::Unary
    }
}

/// Every RPC of a descriptor set, by the path of its HTTP/2 request.
#[derive(Clone, Debug)]
pub struct Methods(Arc<HashMap<String, Arc<Method>>>);

/// The option that holds the access rule.
const ACCESS: &str = "kith.access.v1.access";

impl Methods {
    /// Reads the rules of an encoded `FileDescriptorSet`.
    ///
    /// # Errors
    /// When the bytes are no descriptor set.
    pub fn from_descriptors(encoded: &[u8]) -> Result<Self, prost_reflect::DescriptorError> {
        let pool = DescriptorPool::decode(encoded)?;
        let methods = pool
            .services()
            .flat_map(|service| service.methods().collect::<Vec<_>>())
            .map(|method| {
                let method = read_method(&pool, &method);
                (format!("/{}", method.name), Arc::new(method))
            });
        Ok(Self(Arc::new(methods.collect())))
    }

    /// Adds an RPC that no contract of Kith declares, for example of the health service.
    #[must_use]
    pub fn with(self, method: Method) -> Self {
        let mut methods = Arc::unwrap_or_clone(self.0);
        methods.insert(format!("/{}", method.name), Arc::new(method));
        Self(Arc::new(methods))
    }

    /// The RPCs of one service, without those of others that the contracts describe too.
    #[must_use]
    pub fn of_service(self, service: &str) -> Self {
        let mut methods = Arc::unwrap_or_clone(self.0);
        methods.retain(|_, method| method.service == service);
        Self(Arc::new(methods))
    }

    /// The RPC at a request's path.
    pub fn find(&self, path: &str) -> Option<Arc<Method>> {
        self.0.get(path).cloned()
    }

    /// Every RPC, by name.
    pub fn all(&self) -> Vec<Arc<Method>> {
        let mut methods: Vec<_> = self.0.values().cloned().collect();
        methods.sort_by(|left, right| left.name.cmp(&right.name));
        methods
    }

    /// Every scope that an RPC asks for. There are no others: nothing could be done with them.
    pub fn scopes(&self) -> BTreeSet<String> {
        let scopes = self.0.values().map(|method| &method.scope);
        scopes.filter(|scope| !scope.is_empty()).cloned().collect()
    }
}

fn read_method(pool: &DescriptorPool, method: &MethodDescriptor) -> Method {
    let options = method.options();
    let rule = pool
        .get_extension_by_name(ACCESS)
        .filter(|extension| options.has_extension(extension))
        .map(|extension| options.get_extension(&extension).into_owned());
    let rule = rule.as_ref().and_then(Value::as_message);
    let service = method.parent_service().full_name().to_owned();
    Method {
        name: format!("{service}/{}", method.name()),
        service,
        audience: rule.and_then(read_audience).unwrap_or(Audience::Unspecified),
        scope: rule.and_then(read_scope).unwrap_or_default(),
        read_only: read_only(&options),
        call_type: CallType::of(method.is_client_streaming(), method.is_server_streaming()),
    }
}

fn read_audience(rule: &DynamicMessage) -> Option<Audience> {
    let number = rule.get_field_by_name("audience")?.as_enum_number()?;
    Audience::try_from(number).ok()
}

fn read_scope(rule: &DynamicMessage) -> Option<String> {
    Some(rule.get_field_by_name("scope")?.as_str()?.to_owned())
}

fn read_only(options: &DynamicMessage) -> bool {
    let level = options.get_field_by_name("idempotency_level");
    let no_side_effects = prost_types::method_options::IdempotencyLevel::NoSideEffects as i32;
    level.and_then(|level| level.as_enum_number()) == Some(no_side_effects)
}

#[cfg(test)]
mod tests {
    use prost::Message;

    use super::*;

    fn contracts() -> Methods {
        Methods::from_descriptors(kith_contracts::FILE_DESCRIPTOR_SET).expect("the contracts' descriptors")
    }

    #[test]
    fn every_rpc_of_the_contracts_has_an_access_rule() {
        for method in contracts().all() {
            assert_ne!(
                method.audience,
                Audience::Unspecified,
                "{} has no access rule",
                method.name
            );
        }
    }

    #[test]
    fn operators_have_a_scope_and_nobody_else_does() {
        for method in contracts().all() {
            let for_operators = matches!(method.audience, Audience::Operator | Audience::UserOrOperator);
            assert_eq!(!method.scope.is_empty(), for_operators, "{}", method.name);
        }
    }

    /// The scopes that the comments of `AccessRule.scope` list.
    fn documented_scopes() -> BTreeSet<String> {
        let proto = include_str!("../../../proto/kith/access/v1/access.proto");
        let scope = |line: &str| {
            line.trim()
                .strip_prefix("// - `")?
                .split('`')
                .next()
                .map(str::to_owned)
        };
        proto.lines().filter_map(scope).collect()
    }

    // Control: a scope that is left out of the list, and one in it that no method has.
    #[test]
    fn the_scopes_are_those_that_the_contract_lists() {
        let scopes = contracts().scopes();
        assert_eq!(scopes, documented_scopes());
        assert!(scopes.contains("identity.users.import"));
    }

    #[test]
    fn reads_and_writes_are_told_apart() {
        let read_only = |path| contracts().find(path).map(|method| method.read_only);
        assert_eq!(read_only("/kith.identity.v1.IdentityService/GetUser"), Some(true));
        assert_eq!(
            read_only("/kith.identity.v1.IdentityService/Register"),
            Some(false)
        );
        assert_eq!(read_only("/kith.identity.v1.IdentityService/Nothing"), None);
    }

    // Control: `read_method` that takes a missing rule for AUDIENCE_CALLER.
    #[test]
    fn a_method_without_the_option_is_for_nobody() {
        // Through prost's types every custom option is lost.
        let set = prost_types::FileDescriptorSet::decode(kith_contracts::FILE_DESCRIPTOR_SET);
        let bare = set.expect("the contracts' descriptors").encode_to_vec();
        let methods = Methods::from_descriptors(&bare).expect("still descriptors").all();
        assert_eq!(methods.len(), contracts().all().len());
        for method in methods {
            assert_eq!(method.audience, Audience::Unspecified, "{}", method.name);
        }
    }

    #[test]
    fn a_server_knows_the_methods_of_its_service_alone() {
        let methods = contracts().of_service("kith.social_graph.v1.SocialGraphService");
        assert!(
            methods
                .find("/kith.social_graph.v1.SocialGraphService/Follow")
                .is_some()
        );
        assert!(
            methods
                .find("/kith.identity.v1.IdentityService/Register")
                .is_none()
        );
    }
}
