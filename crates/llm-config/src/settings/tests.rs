//! Settings come from the strongest layer that names them.

use std::sync::Arc;

use super::*;
use crate::dotenv::Variable;
use crate::node;

fn file(text: &str) -> Node {
    node::read(&Arc::from("config.yaml"), text.as_bytes()).expect("it is YAML")
}

fn environment(process: &[(&str, &str)], dotenv: &[(&str, &str)]) -> Environment {
    let process: Vec<_> =
        process.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let mut environment = Environment::new(&process);
    let dotenv_file: Arc<str> = Arc::from(".env");
    environment.add_weaker(dotenv.iter().map(|(name, value)| Variable {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
        at: Place::at(&dotenv_file, 1, 1),
    }));
    environment
}

fn port(
    file_text: &str,
    process: &[(&str, &str)],
    dotenv: &[(&str, &str)],
    flag: Option<u16>,
) -> (u16, String) {
    let mut report = Report::default();
    let flags = Flags { port: flag, ..Flags::default() };
    let settings = settings(&file(file_text), &environment(process, dotenv), &flags, &mut report);
    assert_eq!(report, Report::default());
    (settings.server.port, settings.places.get("server.port").map(ToString::to_string).unwrap_or_default())
}

#[test]
fn each_layer_wins_over_the_one_below_it() {
    let text = "server: {port: 1}";
    let dotenv = [("LLM_PORT", "2")];
    // A variable of the process wins over a better name in `.env`.
    let process = [("PORT", "3")];
    assert_eq!(port("", &[], &[], None), (4000, "default".to_owned()));
    assert_eq!(port(text, &[], &[], None), (1, "config.yaml:1:16".to_owned()));
    assert_eq!(port(text, &[], &dotenv, None), (2, ".env:1:1".to_owned()));
    assert_eq!(port(text, &process, &dotenv, None), (3, "environment variable PORT".to_owned()));
    assert_eq!(port(text, &process, &dotenv, Some(4)), (4, "flag --port".to_owned()));
}

#[test]
fn a_secret_that_looks_like_a_number_stays_as_it_is() {
    let mut report = Report::default();
    let environment = environment(&[("LITELLM_MASTER_KEY", "0012345678901234567890")], &[]);
    let settings = settings(&file(""), &environment, &Flags::default(), &mut report);
    assert_eq!(settings.server.master_key, Some(Secret::new("0012345678901234567890".to_owned())));
}

#[test]
fn wrong_values_of_variables_and_ports_out_of_range_name_their_place() {
    let mut report = Report::default();
    let environment = environment(&[("LLM_NUM_RETRIES", "many")], &[]);
    let settings = settings(&file("server:\n  port: 70000"), &environment, &Flags::default(), &mut report);
    assert_eq!(settings.server.port, 4000);
    assert_eq!(
        report.to_string(),
        "error: `num_retries` must be a whole number\n  at environment variable LLM_NUM_RETRIES\n\
         error: `port` is outside its range\n  at config.yaml:2:9\n  help: a port is at most 65535\n2 errors, 0 warnings"
    );
}

#[test]
fn a_timeout_bounds_attempts_and_the_call_lasts_at_least_as_long() {
    let seconds = |seconds| Some(Duration::from_secs(seconds));
    let above = RouterSettings::default().limits;
    let limits = Phases { timeout: seconds(30), stream: seconds(5), ..Phases::default() }.limits(above);
    assert_eq!((limits.headers, limits.first_content, limits.idle), (seconds(30), seconds(5), seconds(5)));
    assert_eq!(limits.total, seconds(600));
    let limits = Phases { timeout: seconds(6000), ..Phases::default() }.limits(above);
    assert_eq!(
        (limits.first_content, limits.idle, limits.total),
        (seconds(6000), seconds(120), seconds(6000))
    );
}
