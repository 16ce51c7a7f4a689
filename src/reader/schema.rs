//! Tests that the WIT says the same as the structs of the reader.

use super::{CallComparison, LadderPage, LadderQuery, MessageQuery, PacketMessage};
use crate::search::schema::{in_struct, in_wit};

#[test]
fn wit_describes_every_field_of_the_reader_as_the_struct_does() {
    let names = LadderQuery::FIELDS;
    assert_eq!(in_wit("ladder-query"), in_struct::<LadderQuery>(names));
    let names = LadderPage::FIELDS;
    assert_eq!(in_wit("ladder-page"), in_struct::<LadderPage>(names));
    let names = MessageQuery::FIELDS;
    assert_eq!(in_wit("message-query"), in_struct::<MessageQuery>(names));
    let names = PacketMessage::FIELDS;
    assert_eq!(in_wit("packet-message"), in_struct::<PacketMessage>(names));
    let names = CallComparison::FIELDS;
    assert_eq!(
        in_wit("call-comparison"),
        in_struct::<CallComparison>(names)
    );
}
