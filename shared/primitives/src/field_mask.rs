//! Update masks (AIP-134).

use crate::{Invalid, Reason, excerpt};

/// How many paths of a mask an error names.
const NAMED: usize = 5;

/// Which of a resource's fields an update sets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FieldMask(Vec<&'static str>);

impl FieldMask {
    /// Reads `paths` against the `updatable` fields; without paths, the fields that are `present` in the request count.
    ///
    /// `*` stands for all updatable fields. A request that sets nothing is refused: it is always a mistake.
    ///
    /// # Errors
    /// [`Invalid`] that names the paths which are not updatable: the first five, and of each the first 100 characters.
    pub fn parse(
        paths: &[String],
        present: &[&'static str],
        updatable: &[&'static str],
    ) -> Result<Self, Invalid> {
        let (mut fields, mut unknown) = (Vec::new(), Vec::new());
        for path in paths {
            match updatable.iter().find(|field| *field == path) {
                Some(field) => fields.push(*field),
                None if path == "*" => fields.extend(updatable),
                None => unknown.push(format!("{:?}", excerpt(path))),
            }
        }
        if !unknown.is_empty() {
            unknown.truncate(NAMED);
            return Err(invalid(
                &format!("has no updatable field {}", unknown.join(", ")),
                updatable,
            ));
        }
        if paths.is_empty() {
            fields.extend(present);
        }
        if fields.is_empty() {
            return Err(invalid(
                "must name a field when the resource has none set",
                updatable,
            ));
        }
        Ok(Self(fields))
    }

    /// Whether the update sets `field`.
    pub fn contains(&self, field: &str) -> bool {
        self.0.contains(&field)
    }
}

fn invalid(what: &str, updatable: &[&'static str]) -> Invalid {
    let fields = updatable.join(", ");
    Invalid::new(
        Reason::FieldMaskInvalid,
        format!("{what}; the fields are: {fields}, or * for all"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    const FIELDS: &[&str] = &["bio", "location"];

    fn parse(paths: &[&str], present: &[&'static str]) -> Result<FieldMask, Invalid> {
        let paths: Vec<String> = paths.iter().map(|path| (*path).to_owned()).collect();
        FieldMask::parse(&paths, present, FIELDS)
    }

    #[test]
    fn named_fields_count_whatever_is_present() {
        let mask = parse(&["bio"], &["location"]).expect("a good mask");
        assert!(mask.contains("bio") && !mask.contains("location"));
    }

    #[test]
    fn without_a_mask_the_present_fields_count() {
        let mask = parse(&[], &["location"]).expect("a good mask");
        assert!(mask.contains("location") && !mask.contains("bio"));
    }

    #[test]
    fn a_star_is_every_field() {
        assert_eq!(parse(&["*"], &[]), Ok(FieldMask(FIELDS.to_vec())));
    }

    #[test]
    fn unknown_paths_and_nothing_at_all_are_refused() {
        let unknown = parse(&["bio", "user_id"], &[]).expect_err("an unknown path");
        assert!(unknown.description.contains("\"user_id\""), "{unknown:?}");
        let both = parse(&["user_id", "bio", "id"], &[]).expect_err("unknown paths");
        assert!(both.description.contains("\"user_id\", \"id\";"), "{both:?}");
        assert_eq!(
            parse(&[], &[]).map_err(|invalid| invalid.reason),
            Err(Reason::FieldMaskInvalid)
        );
    }

    // A path of 5 KB came back three times in the trailers, which most clients refuse beyond 16 KiB.
    #[test]
    fn a_mask_of_any_size_gives_a_short_error() {
        let path = "x".repeat(5000);
        let invalid = parse(&[path.as_str(); 1000], &[]).expect_err("unknown paths");
        assert!(invalid.description.len() < 1000, "{}", invalid.description.len());
    }
}
