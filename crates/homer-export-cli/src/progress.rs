//! What happens meanwhile, on standard error, if that is a terminal.

use std::time::Duration;

use homer_host::WaitingFor;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// A spinner while Homer works, then a count of what has come.
pub(crate) struct ProgressLine {
    bar: ProgressBar,
    receiving: bool,
}

impl ProgressLine {
    /// Nothing to show yet but that there is something going on with this Homer.
    pub(crate) fn new(homer: &str) -> Self {
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
        bar.set_style(style("{spinner} preparing to ask {msg} ({elapsed})"));
        bar.set_message(homer.to_string());
        bar.enable_steady_tick(Duration::from_millis(100));
        Self {
            bar,
            receiving: false,
        }
    }

    /// The export waits.
    pub(crate) fn waiting(&self, waiting: WaitingFor) {
        self.bar.set_style(style(match waiting {
            WaitingFor::Turn { .. } => "{spinner} waiting for its turn at {msg} ({elapsed})",
            WaitingFor::Homer => "{spinner} waiting for {msg} ({elapsed})",
        }));
    }

    /// More bytes have come.
    pub(crate) fn received(&mut self, bytes: usize) {
        if !self.receiving {
            self.receiving = true;
            self.bar
                .set_style(style("{spinner} {bytes} from {msg} ({bytes_per_sec})"));
        }
        self.bar.inc(bytes as u64);
    }
}

/// Nothing of it stays on the screen.
impl Drop for ProgressLine {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
