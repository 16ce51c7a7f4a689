//! The flags of the settings, made from the table of settings.

use clap::{Arg, ArgAction, ArgMatches, Command, Error};
use homer_export::config::setting::{self, Reader, Value};
use homer_export::config::{Setting, Variables};

use super::file::Choice;

/// The flags that both native programs have, for `#[command(flatten)]`.
///
/// # Examples
/// ```
/// use clap::Parser;
/// use homer_host::Flags;
///
/// #[derive(Parser)]
/// struct Arguments {
///     #[command(flatten)]
///     flags: Flags,
/// }
///
/// Arguments::parse_from(["program", "--url", "http://homer:9080"]);
/// ```
pub type Flags = SettingFlags<false>;

/// The flags that only `homer-export-mcp` has, for `#[command(flatten)]`.
pub type McpFlags = SettingFlags<true>;

/// Flags that were given. Each overrides an environment variable.
#[derive(Clone, Debug, Default)]
pub struct SettingFlags<const MCP_ONLY: bool> {
    given: Vec<(&'static Setting, String)>,
    /// `--config` and `--homer`, which only [`Flags`] has.
    config: Option<String>,
    homer: Option<String>,
}

/// The flag that names the configuration file.
const CONFIG: &str = "config";

/// The flag that names a Homer in that file.
const HOMER: &str = "homer";

impl Flags {
    /// Which Homer in which configuration file the flags choose.
    pub(super) fn choice(&self) -> Choice<'_> {
        Choice {
            path: self.config.as_deref(),
            homer: self.homer.as_deref(),
            has_url_flag: self
                .given()
                .any(|(flag, _)| Some(flag) == setting::URL.flag),
        }
    }

    /// The flag that was given to choose a Homer in the configuration file, with its dashes.
    pub(super) fn file_flag(&self) -> Option<&'static str> {
        let homer = self.homer.as_ref().map(|_| "--homer");
        homer.or(self.config.as_ref().map(|_| "--config"))
    }
}

impl<const MCP_ONLY: bool> SettingFlags<MCP_ONLY> {
    /// Sets the flags, which override the environment.
    pub fn apply(&self, variables: &mut Variables) {
        for (setting, value) in &self.given {
            setting.set_by_flag(variables, value.clone());
        }
    }

    /// The flags that were given, without dashes, and their values. None of them is secret.
    pub fn given(&self) -> impl Iterator<Item = (&'static str, &str)> {
        let config = self.config.as_deref().map(|path| (CONFIG, path));
        let homer = self.homer.as_deref().map(|name| (HOMER, name));
        let given = self.given.iter();
        let given = given.filter_map(|(setting, value)| Some((setting.flag?, value.as_str())));
        config.into_iter().chain(homer).chain(given)
    }

    /// Whether the value of a flag must be behind an equals sign: `--redact=numbers`.
    pub fn needs_equals(flag: &str) -> bool {
        Self::settings().any(|(setting, name)| name == flag && value_if_omitted(setting).is_some())
    }

    /// The settings, and their flags without dashes. Secrets have no flag, because other users of
    /// the machine can see a command line.
    fn settings() -> impl Iterator<Item = (&'static Setting, &'static str)> {
        let ours = |setting: &&&Setting| {
            let in_both = setting.readers.contains(&Reader::CommandLine);
            setting.readers.contains(&Reader::McpProgram) && in_both != MCP_ONLY
        };
        setting::ALL
            .iter()
            .filter(ours)
            .filter_map(|setting| Some((*setting, setting.flag?)))
    }
}

impl<const MCP_ONLY: bool> clap::Args for SettingFlags<MCP_ONLY> {
    fn augment_args(mut command: Command) -> Command {
        let heading = "Configuration; each flag overrides its environment variable";
        if !MCP_ONLY {
            let flag = |name: &'static str, value: &'static str, help: &'static str| {
                Arg::new(name)
                    .long(name)
                    .value_name(value)
                    .help(help)
                    .help_heading(heading)
            };
            command = command
                .arg(flag(
                    HOMER,
                    "NAME",
                    "Homer to use: its name in the configuration file",
                ))
                .arg(flag(
                    CONFIG,
                    "FILE",
                    "Configuration file [default: homer-export/config.toml in $XDG_CONFIG_HOME, \
                     which is ~/.config if not set]",
                ));
        }
        Self::settings().fold(command, |command, (setting, flag)| {
            let arg = Arg::new(flag)
                .long(flag)
                .value_name(placeholder(setting))
                .help(help(setting))
                .help_heading(heading)
                .action(ArgAction::Append);
            command.arg(match value_if_omitted(setting) {
                // With an equals sign, or the Call-ID behind the flag would be its value.
                Some(value) => arg
                    .num_args(0..=1)
                    .require_equals(true)
                    .default_missing_value(value),
                None => arg,
            })
        })
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

impl<const MCP_ONLY: bool> clap::FromArgMatches for SettingFlags<MCP_ONLY> {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, Error> {
        let given = Self::settings().filter_map(|(setting, flag)| {
            let mut values: Vec<String> = matches.get_many(flag)?.cloned().collect();
            // Only a list may be given several times. Of other settings the last value counts.
            let is_list = setting.variable == setting::MCP_HOSTS.variable;
            let value = if is_list {
                values.join(",")
            } else {
                values.pop()?
            };
            Some((setting, value))
        });
        // clap refuses to look up a flag that the command does not have.
        let text = |name| match MCP_ONLY {
            true => None,
            false => matches.get_one::<String>(name).cloned(),
        };
        Ok(Self {
            given: given.collect(),
            config: text(CONFIG),
            homer: text(HOMER),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), Error> {
        let newer = Self::from_arg_matches(matches)?;
        self.given.extend(newer.given);
        self.config = newer.config.or(self.config.take());
        self.homer = newer.homer.or(self.homer.take());
        Ok(())
    }
}

/// The value that a flag without one stands for: a setting that is off unless set is turned on.
pub(crate) fn value_if_omitted(setting: &Setting) -> Option<&'static str> {
    match setting.value {
        Value::Choice(["off", on, ..]) => Some(on),
        _ => None,
    }
}

fn placeholder(setting: &Setting) -> &'static str {
    match setting.value {
        Value::Text(placeholder) => placeholder,
        Value::Integer { unit, .. } => unit,
        Value::Choice(_) => "MODE",
        Value::Secret => "SECRET",
    }
}

/// For example `Longest time window in hours, inclusive (HOMER_MAX_WINDOW_HOURS) [default: 24]`.
fn help(setting: &Setting) -> String {
    let choices = match setting.value {
        Value::Choice(choices) => format!(" [possible values: {}]", choices.join(", ")),
        _ => String::new(),
    };
    let default = match setting.value.default_text() {
        text if text.is_empty() => text,
        text => format!(" [default: {text}]"),
    };
    format!(
        "{} ({}){choices}{default}",
        setting.help.trim(),
        setting.variable
    )
}

#[cfg(test)]
mod tests {
    use homer_export::config::setting::{self, Reader};

    /// There is no type for flags that only `homer-export` has, because there is no such setting.
    /// One that is added would silently have no flag.
    #[test]
    fn setting_of_the_command_line_is_also_one_of_the_mcp_program() {
        for setting in setting::ALL.iter().filter(|setting| setting.flag.is_some()) {
            let reads = |reader| setting.readers.contains(&reader);
            assert!(
                !reads(Reader::CommandLine) || reads(Reader::McpProgram),
                "{}",
                setting.variable
            );
        }
    }
}
