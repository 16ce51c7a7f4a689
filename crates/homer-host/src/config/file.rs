//! The configuration file, which names several Homers.
//!
//! ```toml
//! default = "prod"
//!
//! [homer.prod]
//! url = "https://homer.example"
//! token_command = "pass show homer"
//! ```

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::path::{Path, PathBuf};

use homer_export::ExportError;
use homer_export::config::setting::{self, Reader, Value as SettingValue};
use homer_export::config::{Setting, Variables};
use toml::{Table, Value};

use super::secret_command::SecretCommand;
use super::{FILE_SUFFIX, misconfigured};

/// Largest file in bytes, inclusive.
const MAX_BYTES: usize = 64 * 1024;

/// The settings that say which Homer is queried, and with which credential. Of a Homer in the file,
/// all of them come from the file: a credential from the environment belongs to another Homer.
const CONNECTION: [&Setting; 12] = [
    &setting::URL,
    &setting::API_TOKEN,
    &setting::JWT,
    &setting::USERNAME,
    &setting::PASSWORD,
    &setting::LOGIN_TYPE,
    &setting::TOKEN_HEADER,
    &setting::PROXY_USERNAME,
    &setting::PROXY_PASSWORD,
    &setting::EXTRA_HEADERS_FILE,
    &setting::API,
    &setting::CA_FILE,
];

/// Which Homer in which file.
pub(super) struct Choice<'a> {
    /// `--config`.
    pub(super) path: Option<&'a str>,
    /// `--homer`.
    pub(super) homer: Option<&'a str>,
    /// Whether `--url` was given.
    pub(super) has_url_flag: bool,
}

impl Choice<'_> {
    /// Adds the settings of the chosen Homer. Without `--homer`, it is the default of the file, if
    /// neither a flag nor the environment names a Homer.
    ///
    /// # Errors
    /// `misconfigured` if the file or the Homer in it cannot be used, or if two Homers are chosen.
    pub(super) fn apply(&self, variables: &mut Variables) -> Result<(), ExportError> {
        let is_wanted = self.homer.is_some() || self.path.is_some();
        if self.has_url_flag {
            return match (self.homer, self.path) {
                (None, None) => Ok(()),
                (homer, _) => misconfigured(format!(
                    "{} and --url both choose a Homer; keep one",
                    homer.map_or("--config", |_| "--homer")
                )),
            };
        }
        if !is_wanted && setting::URL.get(variables).is_some() {
            return Ok(());
        }
        let Some(path) = self.path.map(PathBuf::from).or_else(default_path) else {
            return match self.homer {
                None => Ok(()),
                Some(name) => misconfigured(format!(
                    "--homer {name}: there is no home directory; name the file with --config"
                )),
            };
        };
        let text = match read(&path) {
            Ok(text) => text,
            Err(why) if why.kind() == ErrorKind::NotFound && !is_wanted => return Ok(()),
            Err(why) => return misconfigured(format!("cannot read {}: {why}", path.display())),
        };
        let file = ConfigFile::parse(&path, &text)?;
        match self.homer.or(file.default.as_deref()) {
            Some(name) => file.apply(name, variables),
            None if is_wanted => misconfigured(format!(
                "{} names no default; choose one with --homer: {}",
                path.display(),
                file.names()
            )),
            None => Ok(()),
        }
    }
}

/// `homer-export/config.toml` in `$XDG_CONFIG_HOME` or `~/.config`, or in `%APPDATA%`.
fn default_path() -> Option<PathBuf> {
    let variable = if cfg!(windows) {
        "APPDATA"
    } else {
        "XDG_CONFIG_HOME"
    };
    let given = std::env::var_os(variable).map(PathBuf::from);
    // The XDG base directory specification ignores relative paths.
    given
        .filter(|path| path.is_absolute())
        .or_else(|| std::env::home_dir().map(|home| home.join(".config")))
        .map(|path| path.join("homer-export").join("config.toml"))
}

fn read(path: &Path) -> std::io::Result<String> {
    let file = File::open(path)?;
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt as _;
        // The file may name commands to run.
        if file.metadata()?.mode() & 0o002 != 0 {
            return Err(std::io::Error::other(
                "every user of this machine can change it; run chmod o-w",
            ));
        }
    }
    let mut text = String::new();
    file.take(MAX_BYTES as u64 + 1).read_to_string(&mut text)?;
    match text.len() > MAX_BYTES {
        true => Err(std::io::Error::other(format!(
            "it is larger than {MAX_BYTES} bytes"
        ))),
        false => Ok(text),
    }
}

/// A file that has been parsed. The settings of its Homers have not been looked at.
struct ConfigFile<'a> {
    path: &'a Path,
    default: Option<String>,
    homers: Table,
}

/// What a key of a Homer sets.
enum Key {
    /// A setting that is not secret.
    Plain(&'static Setting),
    /// The file of a secret.
    SecretFile(&'static Setting),
    /// The command that prints a secret.
    SecretCommand(&'static Setting),
}

impl<'a> ConfigFile<'a> {
    fn parse(path: &'a Path, text: &str) -> Result<Self, ExportError> {
        let place = path.display();
        let mut table: Table = text.parse().map_err(|why: toml::de::Error| {
            // The whole error would show the line, which may hold a secret.
            let before = why.span().and_then(|span| text.get(..span.start));
            let line = before.map_or(1, |before| before.matches('\n').count() + 1);
            ExportError::Misconfigured(format!("{place}, line {line}: invalid TOML"))
        })?;
        let default = match table.remove("default") {
            None => None,
            Some(Value::String(name)) => Some(name),
            Some(_) => return misconfigured(format!("{place}: default must be a string")),
        };
        let homers = match table.remove("homer") {
            None => Table::new(),
            Some(Value::Table(homers)) => homers,
            Some(_) => return misconfigured(format!("{place}: homer must be a table")),
        };
        if let Some(key) = table.keys().next() {
            return misconfigured(format!(
                "{place}: unknown key {key:?}; expected default, and tables such as [homer.prod]"
            ));
        }
        Ok(Self {
            path,
            default,
            homers,
        })
    }

    fn names(&self) -> String {
        let names: Vec<&str> = self.homers.keys().map(String::as_str).collect();
        match names.is_empty() {
            true => "the file has none".to_string(),
            false => names.join(", "),
        }
    }

    /// Adds the settings of a Homer, in place of those of the environment.
    fn apply(&self, name: &str, variables: &mut Variables) -> Result<(), ExportError> {
        let place = self.path.display();
        let Some(Value::Table(homer)) = self.homers.get(name) else {
            let names = self.names();
            return misconfigured(format!("{place} has no [homer.{name}]; it has: {names}"));
        };
        for setting in CONNECTION {
            variables.take(setting.variable);
            variables.take(&format!("{}{FILE_SUFFIX}", setting.variable));
        }
        let place = format!("{place}, [homer.{name}]");
        for (key, value) in homer {
            self.set(&place, key, value, variables)?;
        }
        match setting::URL.get(variables) {
            Some(_) => Ok(()),
            None => misconfigured(format!("{place}: url is missing")),
        }
    }

    fn set(
        &self,
        place: &str,
        key: &str,
        value: &Value,
        variables: &mut Variables,
    ) -> Result<(), ExportError> {
        let name = format!("{place}: {key}");
        let (variable, value) = match Key::of(place, key)? {
            Key::SecretCommand(setting) => {
                let command = command(value)
                    .ok_or_else(|| "expected a string, or an array of strings".to_string());
                let secret = command.and_then(|command| command.run());
                let secret =
                    secret.map_err(|why| ExportError::Misconfigured(format!("{name}: {why}")))?;
                (setting.variable.to_string(), secret)
            }
            Key::SecretFile(setting) => {
                let path = self.resolved(&scalar(&name, value)?);
                (format!("{}{FILE_SUFFIX}", setting.variable), path)
            }
            Key::Plain(setting) => {
                let value = scalar(&name, value)?;
                let is_path = matches!(setting.value, SettingValue::Text("FILE"));
                let value = if is_path {
                    self.resolved(&value)
                } else {
                    value
                };
                (setting.variable.to_string(), value)
            }
        };
        // Errors name the key in place of the variable.
        variables.set_by_flag(&variable, name, value);
        Ok(())
    }

    /// A path relative to the directory of the file, or to the home directory after `~/`.
    fn resolved(&self, path: &str) -> String {
        let home = path.strip_prefix("~/").zip(std::env::home_dir());
        let resolved = match home {
            Some((rest, home)) => home.join(rest),
            None => self.path.parent().unwrap_or(Path::new("")).join(path),
        };
        resolved.to_string_lossy().into_owned()
    }
}

impl Key {
    /// The key of a Homer, in which `_` and `-` are the same.
    fn of(place: &str, key: &str) -> Result<Self, ExportError> {
        let name = key.replace('_', "-");
        let ours = |setting: &&&Setting| setting.readers.contains(&Reader::CommandLine);
        for setting in setting::ALL.iter().filter(ours) {
            let variable = setting.variable.trim_start_matches("HOMER_");
            let long = variable.to_lowercase().replace('_', "-");
            if !matches!(setting.value, SettingValue::Secret) {
                if name == long {
                    return Ok(Self::Plain(setting));
                }
                continue;
            }
            let short = long.trim_start_matches("api-");
            for secret in [long.as_str(), short] {
                match name.strip_prefix(secret) {
                    Some("-file") => return Ok(Self::SecretFile(setting)),
                    Some("-command") => return Ok(Self::SecretCommand(setting)),
                    Some("") => {
                        return misconfigured(format!(
                            "{place}: {key} is a secret, which must not be in this file; put it \
                             into a file of its own and name that with {key}_file, or name a \
                             command that prints it with {key}_command"
                        ));
                    }
                    _ => {}
                }
            }
        }
        misconfigured(format!(
            "{place}: unknown key {key:?}; the keys are the flags without dashes, username, and \
             secrets with _file or _command, such as token_command"
        ))
    }
}

fn command(value: &Value) -> Option<SecretCommand> {
    match value {
        Value::String(text) => Some(SecretCommand::Shell(text.clone())),
        Value::Array(words) => {
            let words = words.iter().map(|word| word.as_str().map(str::to_string));
            Some(SecretCommand::Program(words.collect::<Option<_>>()?))
        }
        _ => None,
    }
}

fn scalar(name: &str, value: &Value) -> Result<String, ExportError> {
    match value {
        Value::String(text) => Ok(text.clone()),
        Value::Integer(number) => Ok(number.to_string()),
        Value::Boolean(on) => Ok(if *on { "on" } else { "off" }.to_string()),
        _ => misconfigured(format!("{name}: expected a string or a whole number")),
    }
}

#[cfg(all(test, unix))]
#[expect(clippy::unwrap_used, reason = "a test fails by panicking")]
mod tests {
    use std::fs;

    use super::*;

    const FILE: &str = r#"
default = "prod"

[homer.prod]
url = "https://prod.example/homer"
token_command = "echo t0ken"
timeout-ms = 5000

[homer.test]
url = "http://127.0.0.1:9080"
username = "u"
password_file = "pw"
report = false
"#;

    fn environment() -> Variables {
        Variables::from_environment([
            ("HOMER_JWT", "j"),
            ("HOMER_PASSWORD_FILE", "/env"),
            ("HOMER_MAX_WINDOW_HOURS", "12"),
            ("HOMER_TIMEOUT_MS", "1"),
        ])
    }

    /// The variables after the Homer `name` of a file was added to those of the environment.
    fn applied(text: &str, name: Option<&str>) -> Result<(Variables, String), String> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        fs::write(&path, text).unwrap();
        let choice = Choice {
            path: path.to_str(),
            homer: name,
            has_url_flag: false,
        };
        let mut variables = environment();
        let place = dir.path().to_str().unwrap().to_string();
        match choice.apply(&mut variables) {
            Ok(()) => Ok((variables, place)),
            Err(why) => Err(why.to_string().replace(&place, "")),
        }
    }

    fn value(variables: &Variables, name: &str) -> Option<String> {
        variables.get(name).map(|given| given.value.to_string())
    }

    #[test]
    fn homer_of_the_file_replaces_the_connection_of_the_environment() {
        for name in [None, Some("prod")] {
            let (variables, _) = applied(FILE, name).unwrap();
            for (variable, expected) in [
                ("HOMER_URL", Some("https://prod.example/homer")),
                ("HOMER_API_TOKEN", Some("t0ken")),
                ("HOMER_JWT", None),
                ("HOMER_PASSWORD_FILE", None),
                ("HOMER_TIMEOUT_MS", Some("5000")),
                // It does not concern the connection.
                ("HOMER_MAX_WINDOW_HOURS", Some("12")),
            ] {
                let value = value(&variables, variable);
                assert_eq!(value.as_deref(), expected, "{variable}");
            }
        }
        let (variables, dir) = applied(FILE, Some("test")).unwrap();
        assert_eq!(value(&variables, "HOMER_API_TOKEN"), None);
        assert_eq!(value(&variables, "HOMER_REPORT"), Some("off".into()));
        let file = value(&variables, "HOMER_PASSWORD_FILE");
        assert_eq!(file, Some(format!("{dir}/pw")));
    }

    #[test]
    fn file_is_not_read_if_the_environment_names_a_homer() {
        let mut variables = environment();
        variables.set("HOMER_URL", "http://env".to_string());
        let choice = Choice {
            path: None,
            homer: None,
            has_url_flag: false,
        };
        assert_eq!(choice.apply(&mut variables), Ok(()));
        assert_eq!(value(&variables, "HOMER_URL"), Some("http://env".into()));
        let both = Choice {
            path: None,
            homer: Some("prod"),
            has_url_flag: true,
        };
        assert!(both.apply(&mut variables).is_err());
    }

    #[test]
    fn secret_in_plain_text_is_refused_and_not_shown() {
        for key in ["api_token", "token", "jwt", "password", "proxy-password"] {
            let text = format!("[homer.a]\nurl = \"http://h\"\n{key} = \"s3cret\"\n");
            let why = applied(&text, Some("a")).unwrap_err();
            let expected = format!("[homer.a]: {key} is a secret, which must not be in this file");
            assert!(why.contains(&expected) && !why.contains("s3cret"), "{why}");
        }
        let why = applied("password = \"s3cret", None).unwrap_err();
        assert_eq!(why, "misconfigured: /config.toml, line 1: invalid TOML");
    }

    #[test]
    fn error_names_the_place() {
        let homer = |line: &str| format!("[homer.a]\nurl = \"http://h\"\n{line}\n");
        for (text, why) in [
            (
                FILE.replace("prod\"\n", "x\"\n"),
                "/config.toml has no [homer.x]; it has: ",
            ),
            (
                homer("nme = 1"),
                "/config.toml, [homer.a]: unknown key \"nme\"; ",
            ),
            (
                homer("output-dir = \"d\""),
                "[homer.a]: unknown key \"output-dir\"; ",
            ),
            (
                homer("timeout-ms = 1.5"),
                "[homer.a]: timeout-ms: expected a string or a whole",
            ),
            (
                homer("token_command = 1"),
                "[homer.a]: token_command: expected a string, or an",
            ),
            (
                homer("token_command = 'false'"),
                "token_command: it ended with exit status: 1",
            ),
            ("[homer.a]\n".to_string(), "[homer.a]: url is missing"),
            (
                "x = 1\n".to_string(),
                "/config.toml: unknown key \"x\"; expected default",
            ),
        ] {
            let name = (!text.starts_with('\n')).then_some("a");
            let said = applied(&text, name).unwrap_err();
            assert!(said.contains(why), "{said}\n{why}");
        }
        let said = applied("[homer.a]\n[homer.b]\n", None).unwrap_err();
        assert!(
            said.ends_with("names no default; choose one with --homer: a, b"),
            "{said}"
        );
    }

    #[test]
    fn file_that_everyone_can_change_is_refused() {
        use std::os::unix::fs::PermissionsExt as _;
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config.toml");
        fs::write(&path, FILE).unwrap();
        for (mode, is_read) in [(0o664, true), (0o666, false)] {
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(read(&path).is_ok(), is_read, "{mode:o}");
        }
    }
}
