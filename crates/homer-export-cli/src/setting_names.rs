//! Names of settings in errors, as the reader of this program sets them.

use std::borrow::Cow;

use homer_export::config::setting::{self, Reader};

/// The text of an error, in which each setting has the name of its flag instead of that of its
/// environment variable: who typed `--url` never wrote `HOMER_URL`.
///
/// A setting keeps its variable's name if it has no flag, or if `is_variable` says that the
/// environment sets it. `HOMER_URL` keeps it also if `--url` is not `given`, since the address then
/// comes from the configuration file.
pub(crate) fn with_flags<'t>(
    text: &'t str,
    given: &[&str],
    is_variable: impl Fn(&str) -> bool,
) -> Cow<'t, str> {
    let mut named = Cow::Borrowed(text);
    for setting in setting::ALL {
        let Some(flag) = setting.flag else { continue };
        let is_given = given.contains(&flag);
        let has_default = setting.variable != setting::URL.variable;
        let by_flag = is_given || (has_default && !is_variable(setting.variable));
        if by_flag && setting.readers.contains(&Reader::CommandLine) {
            named = match replace_word(&named, setting.variable, &format!("--{flag}")) {
                Some(replaced) => Cow::Owned(replaced),
                None => named,
            };
        }
    }
    named
}

/// The text with each whole `word` replaced; `HOMER_API` is no whole word in `HOMER_API_TOKEN`.
fn replace_word(text: &str, word: &str, by: &str) -> Option<String> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let mut replaced = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(word) {
        let is_whole = !before.ends_with(is_part) && !after.starts_with(is_part);
        replaced.push_str(before);
        replaced.push_str(if is_whole { by } else { word });
        rest = after;
    }
    (!replaced.is_empty() || rest.len() != text.len()).then(|| replaced + rest)
}

#[cfg(test)]
mod tests {
    use super::with_flags;

    #[test]
    fn setting_in_an_error_has_the_name_that_was_typed() {
        let text = "check that HOMER_URL points to Homer, raise HOMER_TIMEOUT_MS, or set \
                    HOMER_API_TOKEN; HOMER_API is 7";
        assert_eq!(
            with_flags(text, &["url"], |variable| variable == "HOMER_TIMEOUT_MS"),
            "check that --url points to Homer, raise HOMER_TIMEOUT_MS, or set HOMER_API_TOKEN; \
             --api is 7"
        );
        // The address comes from the configuration file.
        assert_eq!(
            with_flags("set HOMER_URL", &["timeout-ms"], |_| false),
            "set HOMER_URL"
        );
        assert_eq!(with_flags("HOMER_URL", &["url"], |_| true), "--url");
    }
}
