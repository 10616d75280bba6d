//! Admissions against a model that keeps every call and counts anew each time.

use std::sync::Arc;

use futures_util::FutureExt as _;
use llm_core::money::NanoDollars;
use llm_governance::{
    Admission, BudgetDuration, BudgetLimit, Governance, GovernanceParts, NoDirectory, Principal, Scope,
    Subject, Terms, Timestamp, Want,
};
use proptest::collection::vec;
use proptest::prelude::*;

const SECOND: i64 = 1_000_000;
const MINUTE: i64 = 60 * SECOND;
const PERIOD: i64 = 100 * SECOND;
const MODELS: [&str; 2] = ["cheap", "dear"];

/// The gateway, a team, and two keys of it.
const SUBJECTS: usize = 4;

/// A cap, for one model or all, in periods or for ever.
struct Cap {
    subject: usize,
    model: Option<usize>,
    in_periods: bool,
    cap: i64,
}

const CAPS: [Cap; 5] = [
    Cap { subject: 0, model: None, in_periods: false, cap: 600 },
    Cap { subject: 1, model: None, in_periods: true, cap: 120 },
    Cap { subject: 2, model: Some(0), in_periods: false, cap: 70 },
    Cap { subject: 2, model: Some(1), in_periods: false, cap: 90 },
    Cap { subject: 3, model: None, in_periods: false, cap: 200 },
];

/// Requests and tokens of a minute.
struct Rate {
    subject: usize,
    model: Option<usize>,
    requests: u64,
    tokens: u64,
}

const RATES: [Rate; 3] = [
    Rate { subject: 1, model: None, requests: 9, tokens: 300 },
    Rate { subject: 2, model: Some(0), requests: 4, tokens: u64::MAX },
    Rate { subject: 3, model: None, requests: 6, tokens: 120 },
];

/// Calls at a time of each subject.
const SLOTS: [usize; SUBJECTS] = [7, 5, 4, usize::MAX];

fn terms(subject: usize) -> Terms {
    let limit = |cap| BudgetLimit { max_budget: NanoDollars(cap), duration: None };
    let slots = u32::try_from(SLOTS[subject]).ok();
    let terms = Terms { max_parallel_requests: slots, ..Terms::default() };
    match subject {
        0 => Terms { max_budget: Some(NanoDollars(600)), ..terms },
        1 => Terms {
            max_budget: Some(NanoDollars(120)),
            budget_duration: Some(BudgetDuration::Rolling(100)),
            rpm_limit: Some(9),
            tpm_limit: Some(300),
            ..terms
        },
        2 => Terms {
            model_max_budget: [("cheap".to_owned(), limit(70)), ("dear".to_owned(), limit(90))].into(),
            model_rpm_limit: [("cheap".to_owned(), 4)].into(),
            ..terms
        },
        _ => Terms { max_budget: Some(NanoDollars(200)), rpm_limit: Some(6), tpm_limit: Some(120), ..terms },
    }
}

/// A call of the model.
#[derive(Clone, Debug)]
struct Call {
    key: usize,
    is_open: bool,
    /// By cap: the number of the period, and what is held or spent in it.
    money: [Option<(i64, i64)>; CAPS.len()],
    /// By rate: when it was let through, and its tokens.
    passed: [Option<(i64, u64)>; RATES.len()],
}

#[derive(Default)]
struct Model {
    calls: Vec<Call>,
    /// Requests of calls that went on with another model, by rate: when they were let through.
    left: Vec<(usize, i64)>,
}

/// What a step asks for.
#[derive(Clone, Copy, Debug)]
struct Asked {
    key: usize,
    model: usize,
    cost: i64,
    least: Option<i64>,
    tokens: u64,
    at: i64,
}

impl Asked {
    fn is_behind(&self, subject: usize) -> bool {
        subject < 2 || subject == self.key
    }

    fn concerns(&self, (subject, model): (usize, Option<usize>)) -> bool {
        self.is_behind(subject) && model.is_none_or(|model| model == self.model)
    }
}

impl Cap {
    fn period(&self, at: i64) -> i64 {
        if self.in_periods { at.div_euclid(PERIOD) } else { 0 }
    }
}

impl Model {
    fn taken(&self, cap: usize, period: i64) -> i64 {
        let of =
            |call: &Call| call.money[cap].filter(|(own, _)| *own == period).map_or(0, |(_, amount)| amount);
        self.calls.iter().map(of).sum()
    }

    fn used(&self, rate: usize, at: i64) -> (u64, u64) {
        let left = self.left.iter().filter(|(of, _)| *of == rate).map(|(_, when)| (*when, 0));
        let passed = self.calls.iter().filter_map(|call| call.passed[rate]).chain(left);
        let recent = passed.filter(|(when, _)| when + MINUTE > at);
        recent.fold((0, 0), |(requests, tokens), (_, own)| (requests + 1, tokens + own))
    }

    /// How much money a call may hold; `None`: it is refused. `own` is what it has already.
    fn grant(&self, asked: &Asked, own: Option<&Call>) -> Option<i64> {
        let mut amount = asked.cost;
        for (index, cap) in CAPS.iter().enumerate() {
            if !asked.concerns((cap.subject, cap.model)) {
                continue;
            }
            let period = cap.period(asked.at);
            let held = own.and_then(|own| own.money[index]).filter(|(own, _)| *own == period);
            let left = (cap.cap - self.taken(index, period)).max(0) + held.map_or(0, |(_, amount)| amount);
            if amount > 0 && (left == 0 || left < asked.least.unwrap_or(amount)) {
                return None;
            }
            amount = amount.min(left);
        }
        for (index, rate) in RATES.iter().enumerate() {
            if asked.concerns((rate.subject, rate.model)) && own.is_none_or(|own| own.passed[index].is_none())
            {
                let (requests, tokens) = self.used(index, asked.at);
                if requests >= rate.requests || tokens + asked.tokens.min(rate.tokens) > rate.tokens {
                    return None;
                }
            }
        }
        let open = |subject: usize| {
            let behind = |call: &&Call| call.is_open && (subject < 2 || call.key == subject);
            self.calls.iter().filter(behind).count()
        };
        let has_slots =
            (0..SUBJECTS).all(|subject| !asked.is_behind(subject) || open(subject) < SLOTS[subject]);
        (own.is_some() || has_slots).then_some(amount)
    }

    /// What a call has when it is admitted, or goes on.
    fn admitted(&mut self, asked: &Asked, amount: i64, before: Option<&Call>) -> Call {
        let none =
            Call { key: asked.key, is_open: true, money: [None; CAPS.len()], passed: [None; RATES.len()] };
        let mut call = before.cloned().unwrap_or(none);
        for (index, cap) in CAPS.iter().enumerate() {
            let (period, had) = (cap.period(asked.at), call.money[index]);
            call.money[index] = asked
                .concerns((cap.subject, cap.model))
                .then(|| had.map_or((period, amount), |(period, held)| (period, held.max(amount))));
        }
        for (index, rate) in RATES.iter().enumerate() {
            let is_of_it = asked.concerns((rate.subject, rate.model));
            call.passed[index] = match call.passed[index] {
                None if is_of_it => Some((asked.at, asked.tokens.min(rate.tokens))),
                Some((when, _)) if !is_of_it => {
                    self.left.push((index, when));
                    None
                }
                passed => passed,
            };
        }
        call
    }
}

impl Call {
    fn end(&mut self, (cost, tokens): (i64, u64)) {
        self.is_open = false;
        self.money.iter_mut().flatten().for_each(|(_, amount)| *amount = cost);
        self.passed.iter_mut().flatten().for_each(|(_, own)| *own = tokens);
    }
}

#[derive(Clone, Copy, Debug)]
enum Step {
    Pass(i64),
    Admit { key: usize, model: usize, cost: i64, least: Option<i64>, tokens: u64 },
    Raise { which: usize, model: usize, cost: i64, least: Option<i64> },
    Settle { which: usize, part: i64, tokens: u64 },
    Drop(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let least = || prop_oneof![Just(None), (1..10i64).prop_map(Some)];
    let admit = (2..SUBJECTS, 0..MODELS.len(), 0..60i64, least(), 0..80u64);
    let step = prop_oneof![
        2 => (0..20 * SECOND).prop_map(Step::Pass),
        6 => admit.prop_map(|(key, model, cost, least, tokens)| Step::Admit { key, model, cost, least, tokens }),
        2 => (any::<usize>(), 0..MODELS.len(), 0..90i64, least())
            .prop_map(|(which, model, cost, least)| Step::Raise { which, model, cost, least }),
        4 => (any::<usize>(), 0..101i64, 0..80u64)
            .prop_map(|(which, part, tokens)| Step::Settle { which, part, tokens }),
        1 => any::<usize>().prop_map(Step::Drop),
    ];
    vec(step, 0..120)
}

/// Both sides of the comparison.
struct Bench {
    governance: Governance,
    callers: [Arc<Principal>; 2],
    model: Model,
    /// Calls under way: their places in the model.
    open: Vec<(usize, Admission)>,
    began: i64,
    now: i64,
}

impl Bench {
    fn new() -> Self {
        let governance = Governance::new(GovernanceParts::default());
        // A time that does not pass while the test runs.
        let began = Timestamp(Timestamp::now().0 + 3_600 * SECOND);
        let scopes = [(Scope::Global, ""), (Scope::Team, "t"), (Scope::Key, "a"), (Scope::Key, "b")];
        let accounts: Vec<_> = scopes
            .into_iter()
            .enumerate()
            .map(|(index, (scope, id))| {
                let accounts = governance.accounts();
                let subject = (Subject::new(scope, id), None);
                let opened = accounts.open(subject, (Arc::new(terms(index)), began), &NoDirectory);
                opened.now_or_never().expect("nothing to wait for").expect("it does not fail")
            })
            .collect();
        let callers = [2, 3].map(|key| {
            let accounts = [0, 1, key].map(|index| Arc::clone(&accounts[index])).into_iter().collect();
            let mut principal = Principal::administrator(None);
            principal.accounts = accounts;
            Arc::new(principal)
        });
        Self { governance, callers, model: Model::default(), open: Vec::new(), began: began.0, now: 0 }
    }

    fn want(&self, asked: &Asked) -> Want<'static> {
        Want {
            model: MODELS[asked.model],
            customer: None,
            tags: &[],
            tokens: asked.tokens,
            cost: Some(NanoDollars(asked.cost)),
            at: Timestamp(self.began + asked.at),
        }
    }

    fn admit(&mut self, asked: &Asked) -> Result<(), TestCaseError> {
        let expected = self.model.grant(asked, None);
        let (caller, least) = (&self.callers[asked.key - 2], asked.least.map(NanoDollars));
        let want = self.want(asked);
        let admitted = self.governance.admit_within(caller, &want, least);
        let admitted = admitted.now_or_never().expect("nothing to wait for").ok();
        let held = admitted.as_ref().and_then(|call| call.held()).map(|held| held.0);
        prop_assert_eq!(held, expected);
        if let (Some(amount), Some(admission)) = (expected, admitted) {
            self.open.push((self.model.calls.len(), admission));
            let call = self.model.admitted(asked, amount, None);
            self.model.calls.push(call);
        }
        Ok(())
    }

    fn raise(
        &mut self,
        which: usize,
        model: usize,
        (cost, least): (i64, Option<i64>),
    ) -> Result<(), TestCaseError> {
        let Some((index, mut call)) = self.end(which) else { return Ok(()) };
        let own = self.model.calls[index].clone();
        let asked = Asked { key: own.key, model, cost, least, tokens: 5, at: self.now };
        let expected = self.model.grant(&asked, Some(&own));
        let want = self.want(&asked);
        let raised = self.governance.raise(&mut call, &want, least.map(NanoDollars));
        let raised = raised.now_or_never().expect("nothing to wait for");
        prop_assert_eq!(raised.is_ok(), expected.is_some());
        if let Some(amount) = expected {
            self.model.calls[index] = self.model.admitted(&asked, amount, Some(&own));
        }
        self.open.push((index, call));
        Ok(())
    }

    fn end(&mut self, which: usize) -> Option<(usize, Admission)> {
        let open = self.open.len();
        (open > 0).then(|| self.open.swap_remove(which % open))
    }

    fn settle(&mut self, which: usize, part: i64, tokens: u64) {
        let Some((index, mut call)) = self.end(which) else { return };
        let held = self.model.calls[index].money.iter().flatten().map(|(_, amount)| *amount).min();
        let cost = held.unwrap_or_default() * part / 100;
        call.settle(NanoDollars(cost), tokens);
        call.settle(NanoDollars(1_000), 1_000);
        self.model.calls[index].end((cost, tokens));
    }

    /// No cap is passed, and all books say what the model says.
    fn check(&self) -> Result<(), TestCaseError> {
        let accounts = [&self.callers[0].accounts[..], &self.callers[1].accounts[2..]].concat();
        for (index, cap) in CAPS.iter().enumerate() {
            let taken = self.model.taken(index, cap.period(self.now));
            prop_assert!(taken <= cap.cap);
            let standings = accounts[cap.subject].budgets(Timestamp(self.began + self.now));
            let model = cap.model.map(|model| MODELS[model]);
            let own = standings.iter().find(|one| one.model.as_deref() == model).expect("it is there");
            prop_assert_eq!(own.spent.0 + own.held.0, taken);
        }
        Ok(())
    }
}

proptest! {
    #[test]
    fn no_order_of_steps_differs_from_the_model(steps in steps()) {
        let mut bench = Bench::new();
        for step in steps {
            match step {
                Step::Pass(time) => bench.now += time,
                Step::Admit { key, model, cost, least, tokens } => {
                    bench.admit(&Asked { key, model, cost, least, tokens, at: bench.now })?;
                }
                Step::Raise { which, model, cost, least } => bench.raise(which, model, (cost, least))?,
                Step::Settle { which, part, tokens } => bench.settle(which, part, tokens),
                Step::Drop(which) => {
                    if let Some((index, call)) = bench.end(which) {
                        drop(call);
                        bench.model.calls[index].end((0, 0));
                    }
                }
            }
            bench.check()?;
        }
    }
}
