//! Searches for calls, each in a fresh instance.

use homer_export::record::Convert as _;
use homer_export::search::{CallFilterFields, FoundCalls};

use crate::admission::Work;
use crate::convert::printable;
use crate::export::{Exporter, WaitingFor};
use crate::failure::Failure;

impl Exporter {
    /// Searches Homer for calls. The component parses and checks the filter, so it may hold any
    /// values. A search has the deadline and the limits of an export, and counts as one export of a
    /// single profile. Dropping the future ends the request to Homer and frees the instance.
    ///
    /// # Errors
    /// [`Failure`], with the errors of `homer:capture/homer-search.find-calls`.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use homer_host::{CallFilterFields, Exporter, Failure};
    ///
    /// # async fn example(exporter: &Exporter) -> Result<(), Failure> {
    /// let filter = CallFilterFields {
    ///     from_ts: 1_795_168_800_000,
    ///     to_ts: 1_795_169_100_000,
    ///     caller: Some("5550123".to_string()),
    ///     ..CallFilterFields::default()
    /// };
    /// for call in exporter.find_calls(&filter).await?.calls {
    ///     println!("{} calls {}: {}", call.caller, call.callee, call.callid);
    /// }
    /// # Ok(())
    /// # }
    /// ```
    pub async fn find_calls(&self, filter: &CallFilterFields) -> Result<FoundCalls, Failure> {
        self.find_calls_with_progress(filter, |_| {}).await
    }

    /// As [`Self::find_calls`]. Also calls `on_progress` whenever the search begins to wait for
    /// something else.
    ///
    /// # Errors
    /// As [`Self::find_calls`].
    pub async fn find_calls_with_progress(
        &self,
        filter: &CallFilterFields,
        on_progress: impl FnMut(WaitingFor),
    ) -> Result<FoundCalls, Failure> {
        let mut begun = self.begin(Work::Search, on_progress).await?;
        let limit = self.policy().limits.search_requests;
        begun.store.data_mut().allow_requests(limit);
        let interface = begun.exports.homer_capture_homer_search();
        let filter = filter.clone().convert();
        let call = interface.call_find_calls(&mut begun.store, &filter);
        let found = begun.deadline.run(call).await?;
        drop(begun);
        found
            .map(|found| printable(found.convert()))
            .map_err(Failure::of_component)
    }
}
