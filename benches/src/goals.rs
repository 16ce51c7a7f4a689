//! The performance goals, and whether a run reached them.

/// A row of the table of goals.
pub fn goal(name: &str, found: f64, bound: Bound, unit: &str) -> String {
    let (sign, limit, reached) = match bound {
        Bound::AtMost(limit) => ("≤", limit, found <= limit),
        Bound::AtLeast(limit) => ("≥", limit, found >= limit),
    };
    let found = if found < 10.0 {
        format!("{found:.2}")
    } else {
        format!("{found:.0}")
    };
    format!(
        "| {name} | {sign} {limit} {unit} | {found} | {} |\n",
        if reached { "yes" } else { "**no**" }
    )
}

/// The head of the table.
pub const GOALS: &str = "\n| goal | | found | reached |\n|---|---|---|---|\n";

/// The bound of a goal, inclusive.
pub enum Bound {
    AtMost(f64),
    AtLeast(f64),
}
