//! From where clients may ask, without proxies in front and behind some.

use serde_json::{Value, json};

use crate::money::{MASTER, Node, chat, folder, send};

fn config(general: &str, server: &str) -> String {
    format!(
        "model_list: [{{model_name: one, litellm_params: {{model: mock/echo}}}}]\n\
         general_settings: {{master_key: {MASTER}{general}}}\n{server}"
    )
}

/// The status of a chat, and of a look at models, for whom proxies forward; without a header where nobody does.
fn forwarded(node: &Node, key: &str, list: Option<&str>) -> [u16; 2] {
    let header = list.map(|list| format!("x-forwarded-for: {list}\r\n")).unwrap_or_default();
    ["POST /v1/chat/completions", "GET /v1/models"].map(|what| {
        let what = format!("{what} HTTP/1.1\r\n{header}x-rest:");
        let answer = send(&node.address, &what, key, &chat("one")).expect("it answers");
        if answer.status == 403 {
            assert!(answer.body.contains("IP address not allowed"), "{}", answer.body);
        }
        answer.status
    })
}

fn rows_from(node: &Node, count: usize) -> Vec<Value> {
    node.rows(count).into_iter().map(|row| row["requester_ip_address"].clone()).collect()
}

#[test]
fn without_proxies_the_peer_counts_whatever_a_header_says() {
    let folder = folder("allowed-ips");
    let node = Node::start_with(&folder, &config(", allowed_ips: [127.0.0.0/8]", ""));
    assert_eq!(forwarded(&node, MASTER, None), [200, 200]);
    assert_eq!(forwarded(&node, MASTER, Some("203.0.113.9")), [200, 200], "its own word");
    let here = node.key(&json!({"allowed_ips": ["127.0.0.1"]}));
    let elsewhere = node.key(&json!({"allowed_ips": ["203.0.113.0/24", "2001:db8::/32"]}));
    assert_eq!(forwarded(&node, &here, Some("203.0.113.9")), [200, 200]);
    for list in [None, Some("203.0.113.9"), Some("203.0.113.9, 127.0.0.1")] {
        assert_eq!(forwarded(&node, &elsewhere, list), [403, 403], "{list:?}");
    }
    assert_eq!(node.get("/key/info", &elsewhere).status, 403);
    assert_eq!(rows_from(&node, 3), vec!["127.0.0.1"; 3]);
    drop(node);

    let node = Node::start_with(&folder, &config(", allowed_ips: [203.0.113.9]", ""));
    for list in [None, Some("203.0.113.9")] {
        assert_eq!(forwarded(&node, MASTER, list), [403, 403], "the gateway's own list, {list:?}");
    }
    assert_eq!(node.get("/key/list", MASTER).status, 403, "administrators stay outside, too");
    assert_eq!(node.get("/health/liveliness", "").status, 200, "who looks after the program does not");
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn behind_trusted_proxies_the_address_that_they_saw_counts() {
    let folder = folder("trusted-proxies");
    let node = Node::start_with(&folder, &config("", "server: {trusted_proxies: 2}\n"));
    let key = node.key(&json!({"allowed_ips": ["203.0.113.0/24"]}));
    for (list, status) in [
        ("203.0.113.9, 10.0.0.2", 200),
        ("198.51.100.1, 203.0.113.9, 10.0.0.2", 200),
        ("203.0.113.9, 198.51.100.1, 10.0.0.2", 403),
        ("203.0.113.9, 198.51.100.1", 200),
        ("198.51.100.1, 10.0.0.2", 403),
    ] {
        assert_eq!(forwarded(&node, &key, Some(list)), [status; 2], "{list}");
    }
    assert_eq!(forwarded(&node, &key, None), [403, 403], "nobody forwarded it");
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}

#[test]
fn the_word_of_litellm_for_a_proxy_in_front_means_one() {
    let folder = folder("forwarded-for");
    let general = ", use_x_forwarded_for: true, allowed_ips: [203.0.113.9]";
    let node = Node::start_with(&folder, &config(general, ""));
    assert_eq!(forwarded(&node, MASTER, Some("203.0.113.9")), [200, 200]);
    assert_eq!(forwarded(&node, MASTER, Some("203.0.113.9, 198.51.100.1")), [403, 403], "its own word first");
    drop(node);
    std::fs::remove_dir_all(folder).expect("it was there");
}
