/// How large a storm is: `small` in the suite, `full` with FULL_SIZE=1.
pub(crate) fn of(small: usize, full: usize) -> usize {
    if std::env::var_os("FULL_SIZE").is_some_and(|value| value == "1") {
        full
    } else {
        small
    }
}
