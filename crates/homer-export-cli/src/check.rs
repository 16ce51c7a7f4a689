//! Whether exports will work.

use crate::arguments::CheckArguments;
use crate::error::Error;
use crate::homer::Homer;
use crate::output;
use crate::progress::ProgressLine;

/// Reaches Homer and exports a call that does not exist.
pub(crate) async fn run(arguments: &CheckArguments) -> Result<(), Error> {
    let homer = Homer::configure(&arguments.flags, arguments.is_demo()).await?;
    let progress = ProgressLine::new("check of", &homer.url());
    let exporter = homer.exporter()?;
    let lines = homer_host::check(&exporter, &homer.config).await?;
    drop(progress);
    output::print(&lines.join("\n"))?;
    Ok(())
}
