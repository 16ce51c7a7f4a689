//! The progress line on standard error, if that is a terminal.

use std::time::Duration;

use homer_host::WaitingFor;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A spinner while Homer works, then the number of bytes received.
pub(crate) struct ProgressLine {
    bar: ProgressBar,
    receiving: bool,
}

impl ProgressLine {
    /// A line that states that an `export from` or a `search in` this Homer is being prepared.
    /// Compiling the component without a cache takes a moment.
    pub(crate) fn new(task: &str, homer: &str) -> Self {
        // It is hidden if standard error is not a terminal.
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(style(&format!(
            "{{spinner}} preparing the {task} {{msg}} ({{elapsed}})"
        )));
        bar.set_message(homer.to_string());
        bar.enable_steady_tick(Duration::from_millis(100));
        Self {
            bar,
            receiving: false,
        }
    }

    /// Shows what the export waits for.
    pub(crate) fn waiting(&self, waiting: WaitingFor) {
        self.bar.set_style(style(match waiting {
            WaitingFor::Turn { .. } => "{spinner} waiting in the queue for {msg} ({elapsed})",
            WaitingFor::Homer => "{spinner} waiting for {msg} ({elapsed})",
        }));
    }

    /// Adds received bytes.
    pub(crate) fn received(&mut self, bytes: usize) {
        if !self.receiving {
            self.receiving = true;
            self.bar
                .set_style(style("{spinner} {bytes} from {msg} ({bytes_per_sec})"));
        }
        self.bar.inc(bytes as u64);
    }
}

/// Removes the line from the screen.
impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are constants, so they always parse.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
