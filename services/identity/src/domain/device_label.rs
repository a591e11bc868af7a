use kith_primitives::Invalid;
use kith_rules::identity::{DEVICE_LABEL_MAX, SESSIONS_DEVICE_LABEL_LENGTH};

use kith_rules::text::bounded;

/// What a caller says of the device that it signs in with; may be empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct DeviceLabel(String);

impl DeviceLabel {
    pub(crate) fn parse(text: &str) -> Result<Self, Invalid> {
        bounded(text, DEVICE_LABEL_MAX, &SESSIONS_DEVICE_LABEL_LENGTH).map(Self)
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}
