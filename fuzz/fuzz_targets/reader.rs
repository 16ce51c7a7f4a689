//! Any datagrams, separated by bytes 0xff: no panic, pages of the ladder with each row once, and no
//! difference between a call and itself, whatever the chunks of the file.
#![no_main]

use homer_export::CallId;
use homer_export::reader::{CaptureReader, Found, LadderQuery, MAX_COMPARISON, MAX_PAGE, Reading};
use libfuzzer_sys::fuzz_target;

#[path = "datagrams.rs"]
mod datagrams;

fn read(reading: Reading, captures: &[&[u8]], size: usize) -> Found {
    let mut reader = CaptureReader::new(reading).unwrap();
    for (at, capture) in captures.iter().enumerate() {
        if at > 0 {
            reader.next_capture().unwrap();
        }
        for chunk in capture.chunks(size) {
            reader.feed(chunk).unwrap();
        }
    }
    reader.finish().unwrap()
}

fuzz_target!(|input: (u8, bool, &[u8])| {
    let (size, findings_only, payloads) = input;
    let size = usize::from(size) + 1;
    let file = datagrams::capture(payloads);
    let mut query = LadderQuery {
        call_ids: vec!["a".to_string()],
        findings_only,
        ..LadderQuery::default()
    };
    let mut rows = 0;
    loop {
        let Found::Ladder(page) = read(Reading::Ladder(query.clone()), &[&file], size) else {
            panic!("no page");
        };
        assert_eq!(page.rows_before, rows);
        assert!(page.text.len() <= MAX_PAGE || page.rows == 1);
        rows += u64::from(page.rows);
        let Some(next) = page.next_packet else {
            assert_eq!(page.matching_rows, rows);
            break;
        };
        let next = (next, page.next_part.unwrap_or(1));
        assert!(next > (query.from_packet, query.from_part));
        (query.from_packet, query.from_part) = next;
    }
    let id = CallId::parse("a").unwrap();
    let reading = Reading::Comparison([id.clone(), id]);
    let Found::Comparison(comparison) = read(reading, &[&file, &file], size) else {
        panic!("no comparison");
    };
    assert_eq!(comparison.differences, 0);
    assert!(comparison.text.len() <= MAX_COMPARISON);
});
