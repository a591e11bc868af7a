//! Spans that belong together.

use std::collections::BTreeSet;

use super::collector::Received;

/// The spans of one trace.
#[derive(Debug)]
pub(crate) struct Tree(Vec<Received>);

impl Tree {
    /// The tree whose root has that name. It is one: every span but the root has a parent that is there, all of one trace,
    /// and none is there twice.
    #[track_caller]
    pub(crate) fn with_root(spans: &[Received], name: &str) -> Self {
        let mut roots = spans
            .iter()
            .filter(|span| span.span.parent_span_id.is_empty() && span.span.name == name);
        let root = roots
            .next()
            .unwrap_or_else(|| panic!("no root {name}: {}", listed(spans)));
        Self::of(spans, &root.span.trace_id)
    }

    #[track_caller]
    pub(crate) fn of(spans: &[Received], trace_id: &[u8]) -> Self {
        let of_trace = spans.iter().filter(|span| span.span.trace_id == trace_id);
        let tree: Vec<Received> = of_trace.cloned().collect();
        let ids: BTreeSet<&[u8]> = tree.iter().map(|span| span.span.span_id.as_slice()).collect();
        assert_eq!(
            ids.len(),
            tree.len(),
            "spans that are there twice: {}",
            listed(&tree)
        );
        let (roots, others): (Vec<&Received>, Vec<&Received>) =
            tree.iter().partition(|span| span.span.parent_span_id.is_empty());
        assert_eq!(roots.len(), 1, "roots: {}", listed(&tree));
        for span in others {
            let parent = span.span.parent_span_id.as_slice();
            assert!(
                ids.contains(parent),
                "{} hangs under nothing: {}",
                span.span.name,
                listed(&tree)
            );
        }
        Self(tree)
    }

    pub(crate) fn root(&self) -> &Received {
        let mut roots = self.0.iter().filter(|span| span.span.parent_span_id.is_empty());
        roots.next().expect("a tree has a root")
    }

    /// Those right below a span, in the order in which they began.
    pub(crate) fn below(&self, span: &Received) -> Vec<&Received> {
        let mut below: Vec<_> = self
            .0
            .iter()
            .filter(|other| other.span.parent_span_id == span.span.span_id)
            .collect();
        below.sort_by_key(|span| span.span.start_time_unix_nano);
        below
    }

    /// The one span right below another.
    #[track_caller]
    pub(crate) fn only_below(&self, span: &Received) -> &Received {
        let [only] = self.below(span).try_into().expect("one span below");
        only
    }
}

pub(crate) fn names(spans: &[&Received]) -> Vec<String> {
    spans.iter().map(|span| span.span.name.clone()).collect()
}

fn listed(spans: &[Received]) -> String {
    let line = |span: &Received| {
        let hex = |id: &[u8]| id.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        let Received { span, .. } = span;
        format!(
            "\n{} {} below {}",
            hex(&span.span_id),
            span.name,
            hex(&span.parent_span_id)
        )
    };
    spans.iter().map(line).collect()
}
