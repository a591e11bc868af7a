//! Every text in a request, wherever it stands.

use prost_reflect::{DynamicMessage, FieldDescriptor, Kind, MessageDescriptor, Value};

/// A field that takes a text or bytes.
#[derive(Clone, Debug)]
pub(crate) struct Leaf {
    /// The way to it from the request.
    path: Vec<FieldDescriptor>,
}

impl Leaf {
    fn field(&self) -> &FieldDescriptor {
        self.path.last().expect("a field")
    }

    /// The path in words, for example `users.first_name`.
    pub(crate) fn name(&self) -> String {
        let names: Vec<&str> = self.path.iter().map(FieldDescriptor::name).collect();
        names.join(".")
    }

    /// Whether the contract says that it holds a secret.
    pub(crate) fn is_secret(&self) -> bool {
        is_secret(self.field())
    }

    /// Whether it is of a oneof, and another field than the one that `message` has set.
    pub(crate) fn is_alternative(&self, message: &DynamicMessage) -> bool {
        let mut oneofs = self.path.iter().filter_map(FieldDescriptor::containing_oneof);
        oneofs.any(|oneof| !oneof.is_synthetic()) && !message.has_field(self.field())
    }

    /// A text of the form that the field asks for, with `canary` in it.
    pub(crate) fn shaped(&self, canary: &str) -> String {
        match self.field().name() {
            "email" => format!("{canary}@example.org"),
            name if name.ends_with("_url") => format!("https://example.org/{canary}"),
            _ => canary.to_owned(),
        }
    }
}

/// Whether the contract says that the field holds a secret.
pub(crate) fn is_secret(field: &FieldDescriptor) -> bool {
    let option = field
        .options()
        .get_field_by_name("debug_redact")
        .map(|value| value.as_bool());
    option.flatten() == Some(true)
}

/// Every text of a request of this type.
pub(crate) fn leaves(request: &MessageDescriptor) -> Vec<Leaf> {
    let mut found = Vec::new();
    collect(request, &[], &mut found);
    found
}

fn collect(message: &MessageDescriptor, before: &[FieldDescriptor], found: &mut Vec<Leaf>) {
    for field in message.fields() {
        let path = [before, std::slice::from_ref(&field)].concat();
        match field.kind() {
            Kind::String | Kind::Bytes => found.push(Leaf { path }),
            Kind::Message(inner) => collect(&inner, &path, found),
            _ => {}
        }
    }
}

/// The request with `text` in that place: of lists, in the first item.
pub(crate) fn planted(request: &DynamicMessage, leaf: &Leaf, text: &str) -> DynamicMessage {
    set(request.clone(), &leaf.path, text)
}

fn set(mut message: DynamicMessage, path: &[FieldDescriptor], text: &str) -> DynamicMessage {
    let (field, rest) = path.split_first().expect("a field");
    let old = message.get_field(field).into_owned();
    let first = match &old {
        Value::List(items) => items.first().cloned(),
        other => Some(other.clone()),
    };
    let new = match field.kind() {
        Kind::Bytes => Value::Bytes(text.as_bytes().to_vec().into()),
        Kind::Message(descriptor) => {
            let inner = first.as_ref().and_then(Value::as_message).cloned();
            let inner = inner.unwrap_or_else(|| DynamicMessage::new(descriptor));
            Value::Message(set(inner, rest, text))
        }
        _ => Value::String(text.to_owned()),
    };
    let new = match old {
        Value::List(items) => Value::List([vec![new], items.into_iter().skip(1).collect()].concat()),
        _ => new,
    };
    message.set_field(field, new);
    message
}

/// Every field of every message of the contracts.
pub(crate) fn all_fields() -> Vec<FieldDescriptor> {
    let messages = crate::raw::pool().all_messages().collect::<Vec<_>>();
    let ours = messages
        .iter()
        .filter(|message| message.full_name().starts_with("kith."));
    ours.flat_map(|message| message.fields().collect::<Vec<_>>())
        .collect()
}
