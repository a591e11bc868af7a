//! What is counted of each method that a server has, and of all that it has not.

use std::collections::HashMap;

use kith_telemetry::{MethodMetrics, Metrics};

use crate::methods::Methods;

/// Found once for each method, so that a call only counts.
#[derive(Debug)]
pub(crate) struct Counted {
    by_path: HashMap<String, MethodMetrics>,
    other: MethodMetrics,
}

impl Counted {
    /// Of all `methods`.
    pub(crate) fn new(methods: &Methods, metrics: &Metrics) -> Self {
        let by_path = methods.all().into_iter().map(|method| {
            let (_, name) = method.name.rsplit_once('/').unwrap_or_default();
            let counted = metrics.method(method.call_type, &method.service, name);
            (format!("/{}", method.name), counted)
        });
        Self {
            by_path: by_path.collect(),
            other: metrics.other_methods(),
        }
    }

    /// What is counted of the method at a request's path: whatever callers make up goes together.
    pub(crate) fn of(&self, path: &str) -> &MethodMetrics {
        self.by_path.get(path).unwrap_or(&self.other)
    }
}
