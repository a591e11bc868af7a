//! Which limits an attempt must keep to. They hold over all replicas: the database counts.

use kith_primitives::{SessionId, UserId};
use kith_settings::{Reader, Setting, Topic};

use crate::domain::{Bucket, Limit, NameKey, Origin, Whose};

const RULE: &str = "attempts and a time, such as 10/5m, or off";
const SIGN_IN: Setting = Setting::new(
    "throttle-sign-in",
    "failed sign-ins to one account by one caller; wrong old passwords too",
)
.value(RULE)
.default("10/5m");
const SIGN_IN_BY_ACCOUNT: Setting = Setting::new(
    "throttle-sign-in-by-account",
    "sign-ins to one account by all callers, but from addresses where it is signed in; more than one caller can fail",
)
.value(RULE)
.default("100/10m");
const SIGN_IN_BY_CALLER: Setting = Setting::new("throttle-sign-in-by-caller", "sign-ins by one caller")
    .value(RULE)
    .default("300/5m");
const REGISTER_BY_CALLER: Setting = Setting::new(
    "throttle-register-by-caller",
    "registrations by one caller, and changes of usernames and email addresses",
)
.value(RULE)
.default("60/1h");
const REFRESH_BY_SESSION: Setting = Setting::new("throttle-refresh-by-session", "refreshes of one session")
    .value(RULE)
    .default("60/5m");
const REFRESH_BY_CALLER: Setting = Setting::new("throttle-refresh-by-caller", "refreshes by one caller")
    .value(RULE)
    .default("3000/5m");
const BY_SERVICE: Setting = Setting::new(
    "throttle-by-service",
    "sign-ins, registrations and refreshes of its users by one service; limits by caller are for the addresses it says they have",
)
.value(RULE)
.default("10000/1m");

/// How often what can be tried without a token may be tried. `None` is no limit.
#[derive(Clone, Debug, Default)]
pub struct ThrottleSettings {
    /// Failed attempts for one account by one caller.
    pub sign_in: Option<Limit>,
    /// Attempts for one account by all callers.
    pub sign_in_by_account: Option<Limit>,
    /// Sign-ins by one caller.
    pub sign_in_by_caller: Option<Limit>,
    /// Registrations by one caller, and changes of usernames and email addresses.
    pub register_by_caller: Option<Limit>,
    /// Refreshes of one session.
    pub refresh_by_session: Option<Limit>,
    /// Refreshes by one caller.
    pub refresh_by_caller: Option<Limit>,
    /// All of them by one service for its users.
    pub by_service: Option<Limit>,
}

impl Topic for ThrottleSettings {
    fn settings() -> Vec<&'static Setting> {
        vec![
            &SIGN_IN,
            &SIGN_IN_BY_ACCOUNT,
            &SIGN_IN_BY_CALLER,
            &REGISTER_BY_CALLER,
            &REFRESH_BY_SESSION,
            &REFRESH_BY_CALLER,
            &BY_SERVICE,
        ]
    }

    fn read(reader: &mut Reader<'_>) -> Option<Self> {
        let mut limit = |setting| reader.value_with(setting, Limit::parse);
        let (sign_in, sign_in_by_account) = (limit(&SIGN_IN), limit(&SIGN_IN_BY_ACCOUNT));
        let (sign_in_by_caller, register_by_caller) = (limit(&SIGN_IN_BY_CALLER), limit(&REGISTER_BY_CALLER));
        let (refresh_by_session, refresh_by_caller) = (limit(&REFRESH_BY_SESSION), limit(&REFRESH_BY_CALLER));
        let by_service = limit(&BY_SERVICE);
        if let (Some(one), Some(Some(all))) = (sign_in, sign_in_by_account)
            && one.is_none_or(|one| one.exhausts(all))
        {
            reader.mistake(
                &SIGN_IN_BY_ACCOUNT,
                "must allow more, and more often, than --throttle-sign-in, or be off: \
                one caller could keep the account's owner out",
            );
        }
        Some(Self {
            sign_in: sign_in?,
            sign_in_by_account: sign_in_by_account?,
            sign_in_by_caller: sign_in_by_caller?,
            register_by_caller: register_by_caller?,
            refresh_by_session: refresh_by_session?,
            refresh_by_caller: refresh_by_caller?,
            by_service: by_service?,
        })
    }
}

impl ThrottleSettings {
    /// What a sign-in takes, before anything costly is done for it.
    ///
    /// The bucket of the account is for many callers who share out their guesses; a success gives nothing back to it. One
    /// caller alone has only its own bucket of the account, which is smaller and fills more slowly
    /// ([`ThrottleSettings::read`] sees to that), and what is refused there takes nothing here. So no caller empties it
    /// alone; but many can, and so can one person with the many /64 of an IPv6 /56, and then it must not keep out the owner.
    /// Hence it is not taken where the call is `familiar`, from an address at which the account is
    /// signed in: guesses come from elsewhere, and what does come from there has the caller's bucket still.
    ///
    /// A service that passes on sign-ins without saying from where is one caller, and whoever calls it can empty the
    /// bucket that all of them have there. That is why it may say so.
    pub(crate) fn sign_in(&self, origin: Origin, name: &NameKey, familiar: bool) -> Vec<Bucket> {
        let of_many = self
            .sign_in_by_account
            .filter(|_| !familiar)
            .map(|limit| limit.bucket(Whose::Account, format!("account/{name}")));
        let pair = self.sign_in_pair(origin, name);
        let of_caller = self.of_caller(self.sign_in_by_caller, origin, "sign-in");
        pair.into_iter().chain(of_many).chain(of_caller).collect()
    }

    /// What a service takes that asks for a token. Secrets have 256 random bits: this is against noise, and so there is no
    /// bucket of the account that many callers could empty.
    pub(crate) fn service_sign_in(&self, origin: Origin, name: &NameKey) -> Vec<Bucket> {
        let of_caller = self.of_caller(self.sign_in_by_caller, origin, "sign-in");
        self.sign_in_pair(origin, name)
            .into_iter()
            .chain(of_caller)
            .collect()
    }

    /// What a success gives back: only failures count for this one.
    pub(crate) fn sign_in_pair(&self, origin: Origin, name: &NameKey) -> Option<Bucket> {
        let bucket = |limit: Limit| limit.bucket(Whose::Account, format!("sign-in/{name}/{origin}"));
        self.sign_in.map(bucket)
    }

    /// What a user takes who proves its old password.
    pub(crate) fn old_password(&self, origin: Origin, user_id: UserId) -> Option<Bucket> {
        let bucket = |limit: Limit| limit.bucket(Whose::Account, format!("password/{user_id}/{origin}"));
        self.sign_in.map(bucket)
    }

    /// What a registration takes, and a change of a username or an email address: both tell what is taken.
    pub(crate) fn register(&self, origin: Origin) -> Vec<Bucket> {
        self.of_caller(self.register_by_caller, origin, "register")
    }

    /// What an exchange of a refresh token takes; `None` is the session of a token that nobody knows.
    pub(crate) fn refresh(&self, origin: Origin, session: Option<SessionId>) -> Vec<Bucket> {
        let bucket = |limit: Limit, id| limit.bucket(Whose::Session, format!("session/{id}"));
        let of_session = self
            .refresh_by_session
            .zip(session)
            .map(|(limit, id)| bucket(limit, id));
        let of_caller = self.of_caller(self.refresh_by_caller, origin, "refresh");
        of_session.into_iter().chain(of_caller).collect()
    }

    /// A service is a caller with a limit of its own. Where it says from which address its user calls, that user is a caller
    /// too, so that one of them cannot use up what is for all.
    fn of_caller(&self, limit: Option<Limit>, origin: Origin, what: &str) -> Vec<Bucket> {
        let bucket = |limit: Limit, key| limit.bucket(Whose::Caller, key);
        let of_service = origin.service().and_then(|id| {
            self.by_service
                .map(|limit| bucket(limit, format!("caller/service:{id}")))
        });
        let is_alone = origin.service().is_none() || origin.is_vouched_for();
        let of_one = limit
            .filter(|_| is_alone)
            .map(|limit| bucket(limit, format!("caller/{what}/{origin}")));
        of_one.into_iter().chain(of_service).collect()
    }
}
