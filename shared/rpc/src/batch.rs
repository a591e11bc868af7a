//! Batches: each item has an outcome of its own, in the order of the request.

use kith_primitives::{Failure, Invalid, Reason, Violations};

/// The items of a batch, each parsed or failed already.
#[derive(Debug)]
pub struct Batch<P> {
    field: &'static str,
    items: Vec<Result<P, Failure>>,
}

impl<P> Batch<P> {
    /// Parses the items of the repeated field `field`, at most `max`. What is wrong with an item is that item's.
    ///
    /// # Errors
    /// BATCH_TOO_LARGE.
    pub fn parse<Q>(
        field: &'static str,
        requests: &[Q],
        max: usize,
        parse: impl Fn(&Q) -> Result<P, Failure>,
    ) -> Result<Self, Failure> {
        if requests.len() > max {
            let text = format!("must have at most {max} items");
            return Violations::only(field, Err(Invalid::new(Reason::BatchTooLarge, text)));
        }
        Ok(Self {
            field,
            items: requests.iter().map(parse).collect(),
        })
    }

    /// The items that were parsed, in order.
    pub fn good(&self) -> Vec<P>
    where
        P: Clone,
    {
        self.items.iter().flatten().cloned().collect()
    }

    /// The answer to every item: its own failure, or the outcome of its turn among the [`Batch::good`] ones. Field paths
    /// get the item's place before them: `username` becomes `users[3].username`.
    pub fn answer<T, A>(
        self,
        outcomes: Vec<Result<T, Failure>>,
        answer: impl Fn(Result<T, Failure>) -> A,
    ) -> Vec<A> {
        let mut outcomes = outcomes.into_iter();
        let missing = || Err(Failure::internal("an item of a batch has no outcome"));
        let answers = self.items.into_iter().enumerate().map(|(place, item)| {
            let outcome = item.and_then(|_| outcomes.next().unwrap_or_else(missing));
            answer(outcome.map_err(|failure| failure.within(&format!("{}[{place}]", self.field))))
        });
        answers.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(number: &i32) -> Result<i32, Failure> {
        let even = if number % 2 == 0 {
            Ok(*number)
        } else {
            Err(Invalid::new(Reason::FieldMalformed, "must be even"))
        };
        Violations::only("number", even)
    }

    fn text(outcome: Result<i32, Failure>) -> String {
        outcome.map_or_else(
            |failure| failure.message().to_owned(),
            |number| number.to_string(),
        )
    }

    #[test]
    fn outcomes_stand_beside_their_items() {
        let batch = Batch::parse("items", &[2, 3, 4], 3, parse).expect("not too many");
        assert_eq!(batch.good(), [2, 4]);
        let answers = batch.answer(vec![Ok(20), Ok(40)], text);
        assert_eq!(answers, ["20", "items[1].number: must be even", "40"]);
    }

    #[test]
    fn an_outcome_that_is_missing_is_a_defect_of_that_item_alone() {
        let batch = Batch::parse("items", &[2, 4], 3, parse).expect("not too many");
        assert_eq!(batch.answer(vec![Ok(20)], text), ["20", "internal error"]);
    }

    #[test]
    fn too_many_items_are_refused_together() {
        let refused = Batch::parse("items", &[2; 4], 3, parse).expect_err("too many");
        assert_eq!(refused.message(), "items: must have at most 3 items");
    }
}
