//! What single groups and error classes are given in the configuration.

use std::time::Duration;

use llm_core::ErrorKind;
use llm_router::{HedgeAfter, MidStream};

use super::{loaded, yaml};

const MODELS: &str = "model_list:\n  - {model_name: a, litellm_params: {model: mock/a}}\n  \
                      - {model_name: b, litellm_params: {model: mock/b}}\n";

#[test]
fn settings_of_groups_are_read_in_our_words_and_litellms() {
    let text = format!(
        "{MODELS}router_settings:\n  model_group_alias: {{nick: b}}\n  \
         retry_policy: {{DefaultRetries: 5}}\n  retry_budget: {{share: 0.5}}\n  \
         enable_mid_stream_fallback_continuation: true\n  \
         context_window_fallbacks: [{{a: [b]}}]\n  content_policy_fallbacks: [b]\n  \
         groups:\n    a: {{strategy: round_robin, num_retries: 1, timeout: 700, mid_stream: restart, \
         hedge: {{after: p99, budget: 0.1}}}}\n  \
         model_group_retry_policy: {{a: {{TimeoutErrorRetries: 0}}, nick: {{RateLimitErrorRetries: 4}}}}\n  \
         routing_groups: [{{group_name: x, models: [a, b], routing_strategy: first_available}}]\n"
    );
    let loaded = loaded("routing", &[("config.yaml", &text)], &[]).expect("it loads");
    let router = &loaded.config.router;
    let (a, b) = (&router.groups["a"], &router.groups["b"]);
    let strategy = |group: &llm_router::GroupSettings| group.strategy.as_ref().map(|chosen| chosen.name());
    assert_eq!((strategy(a), strategy(b)), (Some("round_robin"), Some("first_available")));
    assert_eq!((a.num_retries, a.mid_stream), (Some(1), Some(MidStream::Restart)));
    // An attempt may wait as long as its group says, so the call lasts as long.
    assert_eq!(
        (a.limits.headers, a.limits.total),
        (Some(Duration::from_secs(700)), Some(Duration::from_secs(700)))
    );
    let hedge = a.hedge.expect("it hedges");
    assert_eq!((hedge.after, hedge.budget), (HedgeAfter::Quantile(0.99), 0.1));
    assert_eq!(a.retry_policy.named(ErrorKind::Timeout), Some(0));
    assert_eq!(b.retry_policy.named(ErrorKind::RateLimited), Some(4));
    assert_eq!(router.retry_policy.retries(ErrorKind::Timeout), Some(5));
    assert_eq!((router.retry_budget.share, router.retry_budget.per_second), (0.5, 10.0));
    assert_eq!(router.mid_stream, MidStream::Continue);
    assert_eq!(router.context_window_fallbacks, [("a".to_owned(), vec!["b".to_owned()])]);
    assert_eq!(router.content_policy_fallbacks, [("*".to_owned(), vec!["b".to_owned()])]);
}

#[test]
fn what_is_wrong_with_them_is_told_with_its_place() {
    for (line, problem) in [
        (
            "groups: {c: {num_retries: 1}}",
            "there are settings of the group `c`, and no deployment has this name",
        ),
        ("groups: {a: {retries: 1}}", "unknown key `retries` in `groups`"),
        ("groups: {a: {strategy: fastest}}", "there is no strategy `fastest`"),
        ("groups: {a: {hedge: {after: soon}}}", "`after` in `hedge` must be a time"),
        ("groups: {a: {hedge: {budget: 20}}}", "`budget` in `hedge` must be a share between 0 and 1"),
        ("groups: {a: {mid_stream: hope}}", "`mid_stream` must be one of error, restart, continue"),
        ("retry_policy: {RateLimitRetries: 1}", "did you mean `RateLimitErrorRetries`?"),
        ("model_group_retry_policy: {c: {DefaultRetries: 1}}", "there are settings of the group `c`"),
        ("context_window_fallbacks: [{a: [c]}]", "there is a fallback to `c`"),
    ] {
        let told = yaml("routing-wrong", &format!("{MODELS}router_settings:\n  {line}\n"));
        assert!(told.contains(problem) && told.contains("config.yaml:"), "{line}: {told}");
    }
}
