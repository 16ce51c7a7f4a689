//! A command that prints a secret, such as that of a password manager.

use std::io::Read as _;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

/// Longest time that the command may take. A person may have to unlock a password manager.
const TIME_LIMIT: Duration = Duration::from_secs(60);

/// Largest output in bytes, inclusive.
const MAX_BYTES: usize = 64 * 1024;

const POLL: Duration = Duration::from_millis(10);

/// A command from the configuration file.
pub(super) enum SecretCommand {
    /// Text for the shell: `sh -c`, or `cmd /C` on Windows.
    Shell(String),
    /// A program and its arguments.
    Program(Vec<String>),
}

impl SecretCommand {
    /// Runs the command and returns its standard output without the line ends after it. Standard
    /// input is empty, because the MCP server's is the protocol. Standard error is that of this
    /// process, so that the command can say what it waits for.
    ///
    /// # Errors
    /// What went wrong. The text never contains the output of the command.
    pub(super) fn run(&self) -> Result<String, String> {
        self.run_within(TIME_LIMIT)
    }

    fn run_within(&self, limit: Duration) -> Result<String, String> {
        let mut command = self.command().ok_or("it names no program")?;
        let spawned = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn();
        let mut child = spawned.map_err(|why| format!("cannot start it: {why}"))?;
        let (sender, receiver) = mpsc::channel();
        if let Some(stdout) = child.stdout.take() {
            // A program that the command left behind may hold the pipe open, so nobody waits for
            // this thread.
            thread::spawn(move || {
                let mut bytes = Vec::new();
                let read = stdout.take(MAX_BYTES as u64 + 1).read_to_end(&mut bytes);
                let _ = sender.send(read.map(|_| bytes));
            });
        }
        let deadline = Instant::now() + limit;
        let status = wait(&mut child, deadline)?;
        let read = receiver.recv_timeout(deadline.saturating_duration_since(Instant::now()));
        if !status.success() {
            return Err(format!("it ended with {status}"));
        }
        let bytes = read
            .map_err(|_| "its standard output stayed open".to_string())?
            .map_err(|why| format!("cannot read its output: {why}"))?;
        if bytes.len() > MAX_BYTES {
            return Err(format!("it printed more than {MAX_BYTES} bytes"));
        }
        let text = String::from_utf8(bytes).map_err(|_| "it printed no UTF-8 text")?;
        match text.trim_end_matches(['\r', '\n']) {
            "" => Err("it printed nothing".to_string()),
            secret => Ok(secret.to_string()),
        }
    }

    fn command(&self) -> Option<Command> {
        match self {
            Self::Program(words) => {
                let (program, arguments) = words.split_first()?;
                let mut command = Command::new(program);
                command.args(arguments);
                Some(command)
            }
            Self::Shell(text) => {
                let (shell, flag) = if cfg!(windows) {
                    ("cmd", "/C")
                } else {
                    ("sh", "-c")
                };
                let mut command = Command::new(shell);
                command.args([flag, text]);
                Some(command)
            }
        }
    }
}

fn wait(child: &mut Child, deadline: Instant) -> Result<ExitStatus, String> {
    loop {
        match child.try_wait() {
            Ok(Some(status)) => return Ok(status),
            Ok(None) if Instant::now() < deadline => thread::sleep(POLL),
            Ok(None) => {
                let _ = child.kill();
                let _ = child.wait();
                return Err("it took too long and was stopped".to_string());
            }
            Err(why) => return Err(format!("cannot wait for it: {why}")),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    fn shell(text: &str) -> Result<String, String> {
        SecretCommand::Shell(text.to_string()).run()
    }

    #[test]
    fn secret_is_the_output_without_line_ends() {
        assert_eq!(shell("echo ' s3cret x'"), Ok(" s3cret x".to_string()));
        let words = ["printf", "%s\\r\\n", "a b"].map(str::to_string);
        let secret = SecretCommand::Program(words.to_vec()).run();
        assert_eq!(secret, Ok("a b".to_string()));
        // It cannot read the input of this process.
        assert_eq!(shell("cat; echo end"), Ok("end".to_string()));
    }

    #[test]
    fn command_that_fails_is_reported_without_its_output() {
        for (command, why) in [
            ("echo s3cret; exit 3", "it ended with exit status: 3"),
            ("echo", "it printed nothing"),
            ("printf '\\377'", "it printed no UTF-8 text"),
            (
                "head -c 65537 /dev/zero",
                "it printed more than 65536 bytes",
            ),
        ] {
            assert_eq!(shell(command), Err(why.to_string()), "{command}");
        }
        let missing = SecretCommand::Program(vec!["/no/such/program".to_string()]).run();
        assert!(missing.is_err_and(|why| why.starts_with("cannot start it: ")));
        assert!(SecretCommand::Program(vec![]).run().is_err());
    }

    #[test]
    fn command_that_takes_too_long_is_stopped() {
        let command = SecretCommand::Program(["sleep", "60"].map(str::to_string).to_vec());
        let result = command.run_within(Duration::from_millis(50));
        assert_eq!(result, Err("it took too long and was stopped".to_string()));
    }
}
