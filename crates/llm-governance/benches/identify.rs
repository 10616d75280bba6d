//! What a caller costs when memory knows ten, a thousand and a million of them: `cargo bench --package llm-governance --bench identify`,
//! with `-- budgets` for keys that each have a budget of their own. Times are those of the thread, not of the wall.

#![expect(clippy::print_stdout, reason = "what it is for")]

use std::collections::HashMap;
use std::hint::black_box;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use llm_core::Secret;
use llm_core::money::NanoDollars;
use llm_governance::authorise::NoGroups;
use llm_governance::entity::{Customer, Tag, Team, User, VirtualKey};
use llm_governance::{
    CallerSettings, Directory, Governance, GovernanceParts, Holder, KeyHash, Role, Spent, StoreError, Terms,
    Timestamp, Want, WithBudget,
};

const KEYS: u32 = 1_000_000;
const TEAMS: u32 = 1_000;
const USERS: u32 = 10_000;
const ROUNDS: u32 = 200_000;

/// A million keys of ten thousand users in a thousand teams.
struct Company {
    keys: HashMap<KeyHash, u32>,
    has_budgets: bool,
}

fn shown(number: u32) -> String {
    format!("sk-{number:032}")
}

fn ready<'a, T: Send + 'a>(value: T) -> BoxFuture<'a, Result<T, StoreError>> {
    Box::pin(std::future::ready(Ok(value)))
}

impl Company {
    fn new(has_budgets: bool) -> Self {
        let keys = (0..KEYS).map(|number| (KeyHash::of(shown(number).as_bytes()), number)).collect();
        Self { keys, has_budgets }
    }

    fn holder_of(&self, number: u32) -> Holder {
        let user = number % USERS;
        let max_budget = self.has_budgets.then_some(NanoDollars(10_000_000_000));
        let terms = Terms { models: vec!["small".to_owned()], max_budget, ..Terms::default() };
        let key = VirtualKey {
            alias: Some(format!("key-{number}")),
            user_id: Some(format!("user-{user}")),
            team_id: Some(format!("team-{}", number % TEAMS)),
            ..llm_testkit::keys::key(&shown(number), terms)
        };
        let (team, user) = (Some(Arc::new(team(number % TEAMS))), Some(Arc::new(user_of(user))));
        Holder { key: Some(key), team, user, organization: None, budgets: Vec::new() }
    }
}

fn team(number: u32) -> Team {
    Team {
        id: format!("team-{number}"),
        alias: Some(format!("the team {number}")),
        organization_id: None,
        members: Vec::new(),
        member_terms: Terms::default(),
        terms: Terms { max_budget: Some(NanoDollars(i64::from(number))), ..Terms::default() },
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
    }
}

fn user_of(number: u32) -> User {
    User {
        id: format!("user-{number}"),
        email: None,
        alias: None,
        role: Role::InternalUser,
        sso_user_id: None,
        teams: Vec::new(),
        organizations: Vec::new(),
        terms: Terms::default(),
        created_at: Timestamp(0),
        updated_at: Timestamp(0),
    }
}

impl Directory for Company {
    fn holder<'a>(&'a self, key: &'a KeyHash) -> BoxFuture<'a, Result<Option<Holder>, StoreError>> {
        ready(self.keys.get(key).map(|number| self.holder_of(*number)))
    }

    fn user<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<Option<Holder>, StoreError>> {
        ready(None)
    }

    fn customer<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<WithBudget<Customer>, StoreError>> {
        ready(None)
    }

    fn tag<'a>(&'a self, _: &'a str) -> BoxFuture<'a, Result<WithBudget<Tag>, StoreError>> {
        ready(None)
    }

    fn spent<'a>(&'a self, _: &'a mut [Spent]) -> BoxFuture<'a, Result<(), StoreError>> {
        ready(())
    }
}

/// Memory of this process in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages: u64 = status.split(' ').nth(1).and_then(|pages| pages.parse().ok()).unwrap_or(0);
    pages * 4096
}

/// How long this thread has worked.
fn worked() -> Duration {
    let schedule = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = schedule.split(' ').next().and_then(|nanoseconds| nanoseconds.parse().ok());
    Duration::from_nanos(nanoseconds.unwrap_or(0))
}

fn main() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let _entered = runtime.enter();
    let has_budgets = std::env::args().any(|word| word == "budgets");
    let directory = Arc::new(Company::new(has_budgets));
    // The same work among few and among all of them: what a caller costs does not depend on how many there are.
    for count in [10, 1_000, KEYS] {
        measure(&directory, count);
    }
}

/// What callers cost where so many are known.
fn measure(directory: &Arc<Company>, count: u32) {
    let governance = Governance::new(GovernanceParts {
        master_key: Some(Secret::new("sk-master".to_owned())),
        directory: Arc::clone(directory) as _,
        callers: CallerSettings {
            time_to_live: Duration::from_secs(3600),
            capacity: KEYS as usize,
            ..CallerSettings::default()
        },
        ..GovernanceParts::default()
    });
    let identify = |number: u32| {
        let key = shown(number);
        let caller = governance.identify(Some(key.as_bytes()), None).now_or_never();
        black_box(caller.expect("nobody waits").expect("it has one"))
    };
    let (before, began) = (resident(), worked());
    (0..count).for_each(|number| drop(identify(number)));
    let each = resident().saturating_sub(before) / u64::from(count);
    let first = (worked() - began) / count;
    println!(
        "budgets of keys: {}; known: {}; {each} bytes each",
        directory.has_budgets,
        governance.callers()
    );
    println!("  the first time  {first:.0?}");
    // Far apart, so that nothing of the last caller helps the next one.
    let far = |round: u32| round.wrapping_mul(611_953) % count;
    let time = |what: &str, work: &dyn Fn(u32)| {
        let began = worked();
        (0..ROUNDS).for_each(work);
        println!("  {what:<15} {:.2?}", (worked() - began) / ROUNDS);
    };
    time("the key alone", &|round| drop(black_box(shown(far(round)))));
    time("one of them", &|round| drop(identify(far(round))));
    time("always the same", &|_| drop(identify(7)));
    time("and its model", &|round| identify(far(round)).may_use("small", &NoGroups).expect("allowed"));
    time("all of a call", &|round| {
        let (cost, at) = (Some(NanoDollars(10)), Timestamp(1_763_700_000_000_000));
        let want = Want { model: "small", customer: None, tags: &[], tokens: 100, cost, at };
        let caller = identify(far(round));
        let admitted = governance.admit(&caller, &want).now_or_never().expect("nothing to wait for");
        admitted.expect("there is room").settle(NanoDollars(7), 50);
    });
}
