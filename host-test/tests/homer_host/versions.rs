//! Homers with another API version than the fake one. The responses follow their sources
//! (docs/homer.md).

use fake_homer::API_TOKEN;
use homer_export::ExportError;
use homer_export::homer::search::SEARCH_PATH;
use homer_host::{Exporter, Failure, HostConfig};

use host_test::calls::{
    CALL, assert_alive, error_of, export, in_one_profile, policy, recorded, request,
};
use host_test::server::{Server, Then, whole};

fn json(status: &str, body: &str) -> (Vec<u8>, Then) {
    let head = format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n",
        body.len()
    );
    ([head, body.to_string()].concat().into_bytes(), Then::Serve)
}

fn capture() -> (Vec<u8>, Then) {
    (whole(&recorded("export-ok-auth-token")), Then::Serve)
}

fn paths(server: &Server) -> Vec<String> {
    server
        .requests()
        .iter()
        .map(|request| request.split(' ').nth(1).unwrap().to_string())
        .collect()
}

const V7: &str = "/api/v3/export/call/messages/pcap";
const V11: &str = "/api/v4/transactions/export/pcap";

#[tokio::test]
async fn homer_11_is_detected_and_remembered() {
    let server = Server::with_responses(vec![
        json("404 Not Found", "{\"message\":\"Not Found\"}"),
        capture(),
    ])
    .await;
    let exporter = Exporter::new(policy(&server.url)).unwrap();
    let (_, completed) = export(&exporter, &in_one_profile(CALL)).await.unwrap();
    assert_eq!(completed.report.api, 11);
    assert_alive(&exporter).await;
    assert_eq!(paths(&server), [V7, V11, V11]);
    assert!(server.requests()[1].contains(
        "\"session_ids\":[\"udp-normal-1@192.0.2.10\"],\"proto_type\":1,\"event_type\":\"call\""
    ));
}

#[tokio::test]
async fn homer_of_a_configured_api_version_is_not_detected() {
    for (api, path) in [("7", V7), ("11", V11)] {
        let server =
            Server::with_responses(vec![json("404 Not Found", "{\"message\":\"Not Found\"}")])
                .await;
        let vars = [
            ("HOMER_URL", server.url.as_str()),
            ("HOMER_API_TOKEN", API_TOKEN),
            ("HOMER_API", api),
        ];
        let vars = vars.map(|(name, value)| (name.to_string(), value.to_string()));
        let exporter = Exporter::new(HostConfig::from_vars(vars).unwrap().policy()).unwrap();
        assert!(matches!(
            error_of(&exporter).await,
            ExportError::Rejected { status: 404, .. }
        ));
        assert_eq!(paths(&server), [path]);
    }
}

#[tokio::test]
async fn server_of_neither_api_version_is_rejected_and_nothing_is_remembered() {
    let server =
        Server::with_responses(vec![json("404 Not Found", "{\"message\":\"Not Found\"}")]).await;
    let exporter = Exporter::new(policy(&server.url)).unwrap();
    let ExportError::Rejected { message, .. } = error_of(&exporter).await else {
        panic!("accepted")
    };
    assert!(
        message.contains("no export endpoint of Homer 7 or HOMER 11 (HTTP 404: \"Not Found\")"),
        "{message}"
    );
    error_of(&exporter).await;
    assert_eq!(paths(&server), [V7, V11, V7, V11]);
}

#[tokio::test]
async fn homer_11_without_packets_in_a_profile_is_searched_further() {
    let nothing = "{\"error\":{\"type\":\"x\",\"title\":\"Bad Request\",\"status\":400,\
        \"detail\":\"No exportable SIP payload in result set\"}}";
    // The requests for two profiles are under way at a time.
    let responses = vec![
        json("404 Not Found", "{}"),
        json("404 Not Found", "{}"),
        json("400 Bad Request", nothing),
        capture(),
    ];
    let server = Server::with_responses(responses).await;
    let (_, completed) = export(&Exporter::new(policy(&server.url)).unwrap(), &request(CALL))
        .await
        .unwrap();
    // Which of the two gets which response is open. The third profile has the same capture.
    assert_eq!((completed.report.api, completed.report.packets), (11, 7));
    assert_eq!(completed.report.profiles.len(), 3);
    assert_eq!(paths(&server), [V7, V7, V11, V11, V11]);

    let server = Server::with_responses(vec![
        json("404 Not Found", "{}"),
        json("400 Bad Request", nothing),
    ])
    .await;
    let exporter = Exporter::new(policy(&server.url)).unwrap();
    assert!(matches!(
        error_of(&exporter).await,
        ExportError::NothingCaptured { .. }
    ));
}

#[tokio::test]
async fn homer_11_with_its_initial_password_is_unauthorized() {
    let change = "{\"error\":{\"type\":\"x\",\"title\":\"Forbidden\",\"status\":403,\
        \"detail\":\"Password change required\"}}";
    let server = Server::with_responses(vec![json("403 Forbidden", change)]).await;
    let ExportError::Unauthorized(why) =
        error_of(&Exporter::new(policy(&server.url)).unwrap()).await
    else {
        panic!()
    };
    assert!(
        why.contains("(HTTP 403: \"Password change required\")"),
        "{why}"
    );
}

#[tokio::test]
async fn homer_7_in_node_without_packets_in_a_profile_is_searched_further() {
    let nothing = json(
        "404 Not Found",
        "{\"statusCode\":404,\"error\":\"Not Found\",\"message\":\"data was not found\"}",
    );
    let server = Server::with_responses(vec![nothing.clone(), capture()]).await;
    let (_, completed) = export(&Exporter::new(policy(&server.url)).unwrap(), &request(CALL))
        .await
        .unwrap();
    assert_eq!((completed.report.api, completed.report.packets), (7, 7));
    assert_eq!(completed.report.profiles.len(), 3);

    let server = Server::with_responses(vec![nothing]).await;
    let failure = Exporter::new(policy(&server.url))
        .unwrap()
        .open(&request(CALL))
        .await
        .unwrap_err();
    assert!(
        matches!(
            failure,
            Failure::Export(ExportError::NothingCaptured { .. })
        ),
        "{failure}"
    );
    // The search for the reason fails, so it is not repeated.
    assert_eq!(paths(&server), [V7, V7, V7, SEARCH_PATH]);
}
