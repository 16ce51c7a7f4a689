//! The causes of made calls: what each of them takes, and what it says.

mod delivery;
mod dialog;
mod media;
mod response;
mod table;
