//! Secrets in files: a variable with `_FILE` appended names a file that contains the secret.

use std::fs;
use std::path::{Component, Path};

use homer_export::ExportError;
use homer_export::config::{Setting, Variables};
use homer_export::text::truncate_for_display;

use super::misconfigured;

/// Appended to the variable of a secret, it names a file that contains the secret.
pub(super) const FILE_SUFFIX: &str = "_FILE";

/// Most characters of a path that a text shows.
const MAX_SHOWN: usize = 200;

/// Reads a secret from the file that its variable with `_FILE` appended names, if that is set. Line
/// ends after the secret do not count. Returns what the operator should know about the file.
///
/// # Errors
/// `misconfigured` if the secret is given directly as well, or if the file cannot be read or is
/// empty.
pub fn read_secret(
    variables: &mut Variables,
    secret: &Setting,
) -> Result<Option<String>, ExportError> {
    let variable = secret.variable;
    let file_variable = format!("{variable}{FILE_SUFFIX}");
    let Some(path) = variables.take(&file_variable) else {
        return Ok(None);
    };
    if secret.get(variables).is_some() {
        return misconfigured(format!(
            "{variable} and {file_variable} are both set; keep one"
        ));
    }
    let shown = shown_path(&path);
    let text = fs::read_to_string(&path).map_err(|why| {
        ExportError::Misconfigured(format!("{file_variable}: cannot read {shown}: {why}"))
    })?;
    let text = text.trim_end_matches(['\r', '\n']);
    // An empty variable counts as unset, but an empty file is a mistake.
    if text.is_empty() {
        return misconfigured(format!("{file_variable}: {shown} is empty"));
    }
    variables.set(variable, text.to_string());
    Ok(readable_by_others(&file_variable, &path))
}

/// The warning about a file of secrets that other users can read or change; `name` is the setting
/// that names the file. Windows has no such bits: there, a file in a user's profile is private
/// unless its owner shares it.
pub fn readable_by_others(name: &str, path: &str) -> Option<String> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(path).ok()?.permissions().mode();
        let what = match mode & 0o066 {
            0 => return None,
            bits if bits & 0o022 == 0 => "read",
            _ => "change",
        };
        Some(format!(
            "warning: {name}: other users can {what} {}; restrict its permissions with chmod 600",
            shown_path(path)
        ))
    }
    #[cfg(not(unix))]
    {
        let _ = (name, path);
        None
    }
}

/// A path as a text may show it. What does not look like a path is not shown, because it may be the
/// secret itself, set by mistake in the variable for its file.
pub fn shown_path(path: &str) -> String {
    /// Longest component of a path that does not exist. Tokens have longer parts.
    const MAX_COMPONENT: usize = 20;
    let file = Path::new(path);
    let is_explicit = file.is_absolute() || path.starts_with(['.', '~']);
    let has_short_parts = || {
        let mut parts = file.components();
        parts.all(|part| match part {
            Component::Normal(name) => name.len() <= MAX_COMPONENT,
            _ => true,
        })
    };
    // The root exists, and a token may begin with a slash.
    let has_folder = || {
        let mut folder = file.parent().into_iter();
        folder.any(|folder| folder.parent().is_some() && folder.is_dir())
    };
    let is_path = file.exists() || (is_explicit && (has_folder() || has_short_parts()));
    match is_path {
        true => truncate_for_display(path, MAX_SHOWN).to_string(),
        false => "the file that it names (its value is not shown, since it is no path to an \
                  existing folder; it may be the credential itself)"
            .to_string(),
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use homer_export::config::{Variables, setting};

    use super::{read_secret, shown_path};

    #[test]
    fn secret_in_place_of_its_path_is_not_shown() {
        for secret in [
            "hunter2secret",
            "aVtXgMCsqWVZzQtbAcbLsXvgsCqCeDMnfXfKOwGFSSWzcoQybHVHAaYPrRlDqZqzjDeBNTXRIuJSqSld",
            "eyJhbGciOiJIUzI1NiJ9.eyJ1c2VybmFtZSI6ImFkbWluIn0.c2lnbmF0dXJl",
            "/9jXgMCsqWVZzQtbAcbLsXvgsCqCeDMnfXf/KOwGFSSWzcoQybHVHAaYPrRlDqZqz",
            "\u{fc}\u{1f4a5}",
        ] {
            let given = [("HOMER_API_TOKEN_FILE", secret)];
            let mut variables = Variables::from_environment(given);
            let why = read_secret(&mut variables, &setting::API_TOKEN).unwrap_err();
            assert!(!why.to_string().contains(secret), "{why}");
        }
        for path in [
            "/nowhere/token",
            "./token",
            "../t",
            env!("CARGO_MANIFEST_DIR"),
        ] {
            assert_eq!(shown_path(path), path);
        }
    }

    #[cfg(unix)]
    #[test]
    fn secret_file_that_others_can_read_or_change_has_a_warning() {
        use std::os::unix::fs::PermissionsExt as _;

        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("token");
        std::fs::write(&path, "t0ken\n").unwrap();
        for (mode, warning) in [
            (0o600, None),
            (0o400, None),
            (0o644, Some("read")),
            (0o660, Some("change")),
            (0o666, Some("change")),
        ] {
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            let given = [("HOMER_API_TOKEN_FILE", path.to_str().unwrap())];
            let mut variables = Variables::from_environment(given);
            let warned = read_secret(&mut variables, &setting::API_TOKEN).unwrap();
            let expected = warning.map(|what| {
                let path = path.display();
                format!(
                    "warning: HOMER_API_TOKEN_FILE: other users can {what} {path}; restrict its \
                     permissions with chmod 600"
                )
            });
            assert_eq!(warned, expected, "{mode:o}");
            assert_eq!(variables.get("HOMER_API_TOKEN").unwrap().value, "t0ken");
        }
    }
}
