//! What is remembered of a call, beside its span, for the lines within it.

use tracing::Span;
use tracing_subscriber::Registry;
use tracing_subscriber::registry::{LookupSpan, SpanRef};

use crate::TraceContext;

/// A call that this process serves.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) request_id: String,
    /// The trace that the call belongs to; in an exporting process every call has one.
    pub(crate) trace_id: Option<String>,
    /// What the caller sent.
    pub(crate) caller: TraceContext,
}

impl Call {
    /// Remembers the call with its `span`.
    pub(crate) fn keep(self, span: &Span) {
        with_registry(span, |span| span.extensions_mut().replace(self));
    }

    /// The call whose span is `span` or around it.
    pub(crate) fn around<'a, S: LookupSpan<'a>>(span: &SpanRef<'a, S>) -> Option<Self> {
        span.scope()
            .find_map(|span| span.extensions().get::<Call>().cloned())
    }

    /// The call that `span` belongs to.
    pub(crate) fn of(span: &Span) -> Option<Self> {
        with_registry(span, |span| Self::around(&span)).flatten()
    }

    /// Changes what is remembered with exactly this `span`.
    pub(crate) fn change(span: &Span, change: impl FnOnce(&mut Self)) {
        with_registry(span, |span| span.extensions_mut().get_mut::<Call>().map(change));
    }
}

/// `None` where the span is not wanted, or the subscriber is somebody else's.
fn with_registry<T>(span: &Span, work: impl FnOnce(SpanRef<'_, Registry>) -> T) -> Option<T> {
    let done = span.with_subscriber(|(id, dispatch)| {
        let registry = dispatch.downcast_ref::<Registry>()?;
        registry.span(id).map(work)
    });
    done.flatten()
}
