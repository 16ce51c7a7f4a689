//! The mean opinion score that loss and delay let one expect.

/// Transmission rating of a call without loss and delay, with the default values of all other
/// parameters (ITU-T G.107, table 3).
const BEST_RATING: f64 = 93.2;

/// Robustness of G.711 with packet loss concealment against random loss (ITU-T G.113, table I.4).
const LOSS_ROBUSTNESS: f64 = 25.1;

/// Estimates the mean opinion score by the simplified E-model (ITU-T G.107; docs/quality.md states
/// the formula), in hundredths, 100 to 450. `loss` is a fraction from 0 to 1, `one_way_ms` the
/// delay of the network in one direction.
///
/// The codec is not known. G.711 with packet loss concealment is assumed.
pub(super) fn estimated_mos(loss: f64, one_way_ms: f64) -> u32 {
    let delay_impairment = 0.024 * one_way_ms + 0.11 * (one_way_ms - 177.3).max(0.0);
    let percent = 100.0 * loss;
    let loss_impairment = 95.0 * percent / (percent + LOSS_ROBUSTNESS);
    let rating = (BEST_RATING - delay_impairment - loss_impairment).clamp(0.0, 100.0);
    let mos = 1.0 + 0.035 * rating + rating * (rating - 60.0) * (100.0 - rating) * 7e-6;
    // Just above a rating of 0, the polynomial is below 1.
    (mos.max(1.0) * 100.0 + 0.5) as u32
}

#[cfg(test)]
mod tests {
    use super::estimated_mos;

    #[test]
    fn mos_falls_with_loss_and_delay() {
        // R = 93.2, which ITU-T G.107 gives as a score of 4.41.
        assert_eq!(estimated_mos(0.0, 0.0), 441);
        // R = 93.2 - 2.4 - 95 * 5 / 30.1 = 75.02.
        assert_eq!(estimated_mos(0.05, 100.0), 382);
        // R = 93.2 - 7.2 - 13.497 = 72.50.
        assert_eq!(estimated_mos(0.0, 300.0), 371);
        assert_eq!(estimated_mos(1.0, 10_000.0), 100);
    }
}
