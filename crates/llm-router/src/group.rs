//! Deployments that may answer the same public name.

use llm_core::order;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use smallvec::SmallVec;

use crate::affinity;
use crate::ask::Ask;
use crate::deployment::Deployment;
use crate::hedge::Hedge;
use crate::in_flight::InFlight;
use crate::pattern::Pattern;
use crate::router::RouterSettings;
use crate::rule::Rule;
use crate::settings::GroupSettings;
use crate::strategy::{BuiltIn, Candidates, Strategy};
use crate::wait::Waiting;

/// Deployments under one public name or pattern.
pub struct Group {
    name: Pattern,
    /// Sorted by `order`, then as configured.
    deployments: Vec<Arc<Deployment>>,
    /// Deployments of the same `order`, the lowest first.
    levels: Vec<Level>,
    settings: GroupSettings,
    hedge: Option<Box<Hedge>>,
    /// Where calls wait for room; `None`: they do not.
    waiting: Option<Waiting>,
}

/// A deployment's place in its group.
pub(crate) type Index = usize;

/// The deployments of one priority level.
struct Level {
    order: u32,
    range: Range<Index>,
    strategy: Arc<dyn Strategy>,
    /// For requests that ask for another strategy.
    others: [OnceLock<Arc<dyn Strategy>>; BuiltIn::ALL.len()],
}

/// Deployments that were passed over, and why.
pub(crate) type Refused = SmallVec<[(Index, Rule); 4]>;

/// Which deployments of a group may be picked.
#[derive(Clone, Copy, Default)]
pub(crate) struct Among<'a> {
    /// Not these.
    pub avoid: &'a [Index],
    /// Only of priority levels above this one.
    pub above: Option<u32>,
    /// Whether all that were passed over are told, and not only when nobody is left.
    pub explain: bool,
}

impl Group {
    pub(crate) fn new(
        name: Pattern,
        mut deployments: Vec<Arc<Deployment>>,
        all: &RouterSettings,
        settings: GroupSettings,
    ) -> Self {
        order::sort_by_key(&mut deployments, |deployment| deployment.order);
        let strategy = settings.strategy.as_ref().unwrap_or(&all.strategy);
        let (mut levels, mut start) = (Vec::new(), 0);
        for level in deployments.chunk_by(|one, next| one.order == next.order) {
            let (range, order) = (start..start + level.len(), level.first().map_or(0, |first| first.order));
            start = range.end;
            levels.push(Level { order, range, strategy: strategy.make(level), others: Default::default() });
        }
        let hedge = settings.hedge.map(|hedge| Box::new(Hedge::new(hedge)));
        // Deployments that an earlier router had already keep their bell, and calls that wait there are heard.
        let bell = deployments.iter().find_map(|deployment| deployment.quota().bell());
        let waiting = all.queue.map(|queue| Waiting::new(queue, bell));
        if let Some(waiting) = &waiting {
            deployments.iter().for_each(|deployment| deployment.quota().ring(waiting.bell()));
        }
        Self { name, deployments, levels, settings, hedge, waiting }
    }

    /// The public name or pattern.
    pub fn name(&self) -> &Pattern {
        &self.name
    }

    /// All deployments, by priority level.
    pub fn deployments(&self) -> &[Arc<Deployment>] {
        &self.deployments
    }

    /// What the group says for itself.
    pub fn settings(&self) -> &GroupSettings {
        &self.settings
    }

    /// How many calls wait for room.
    pub fn queue_length(&self) -> usize {
        self.waiting.as_ref().map_or(0, Waiting::length)
    }

    /// Where calls wait for room, if they do.
    pub(crate) fn waiting(&self) -> Option<&Waiting> {
        self.waiting.as_ref()
    }

    pub(crate) fn hedge(&self) -> Option<&Hedge> {
        self.hedge.as_deref()
    }

    /// Whether there are deployments above a priority level.
    pub(crate) fn has_above(&self, order: u32) -> bool {
        self.levels.last().is_some_and(|last| last.order > order)
    }

    /// Begins an attempt at one of the deployments that may be picked, of the lowest priority level that has one with
    /// room. When there is none, why each was passed over is added to `refused`.
    pub(crate) fn pick(
        &self,
        asked: Option<BuiltIn>,
        ask: &Ask<'_>,
        among: Among<'_>,
        refused: &mut Refused,
    ) -> Option<(Index, InFlight)> {
        for level in self.levels(among) {
            let deployments = self.deployments.get(level.range.clone()).unwrap_or_default();
            loop {
                // Looked at only for those that the strategy thinks of.
                let is_out = |at: usize| {
                    let index = level.range.start + at;
                    among.avoid.contains(&index)
                        || refused.iter().any(|(one, _)| *one == index)
                        || deployments.get(at).is_none_or(|one| one.check(ask).is_err())
                };
                let candidates = Candidates::new(deployments, &is_out);
                let picked = match ask.session {
                    Some(session) => affinity::pick(&candidates, session),
                    None => level.strategy(asked, deployments).pick(&candidates, ask),
                };
                let Some((at, deployment)) = picked.and_then(|at| Some((at, deployments.get(at)?))) else {
                    break;
                };
                let index = level.range.start + at;
                match deployment.admit(ask) {
                    Ok(in_flight) => {
                        if among.explain {
                            self.explain(ask, among, refused);
                        }
                        return Some((index, in_flight));
                    }
                    Err(rule) => refused.push((index, rule)),
                }
            }
        }
        self.explain(ask, among, refused);
        None
    }

    /// Begins an attempt at the benched deployment that is the first to come back: better than none.
    pub(crate) fn insist(&self, ask: &Ask<'_>, refused: &[(Index, Rule)]) -> Option<(Index, InFlight)> {
        let benched = refused.iter().filter_map(|(index, rule)| match rule {
            Rule::CoolingDown { until } => Some((*until, *index)),
            _ => None,
        });
        let mut benched: SmallVec<[_; 8]> = benched.collect();
        benched.sort_unstable();
        let ask = ask.insisting();
        benched
            .into_iter()
            .find_map(|(_, index)| Some((index, self.deployments.get(index)?.admit(&ask).ok()?)))
    }

    fn levels(&self, among: Among<'_>) -> impl Iterator<Item = &Level> {
        self.levels.iter().filter(move |level| among.above.is_none_or(|above| level.order > above))
    }

    /// Why each of those that may be picked would be passed over.
    fn explain(&self, ask: &Ask<'_>, among: Among<'_>, refused: &mut Refused) {
        for index in self.levels(among).flat_map(|level| level.range.clone()) {
            if among.avoid.contains(&index) || refused.iter().any(|(one, _)| *one == index) {
                continue;
            }
            if let Some(Err(rule)) = self.deployments.get(index).map(|one| one.check(ask)) {
                refused.push((index, rule));
            }
        }
    }
}

impl Level {
    /// The strategy of a request: the group's, or the built-in one that it asks for.
    fn strategy(&self, asked: Option<BuiltIn>, deployments: &[Arc<Deployment>]) -> &dyn Strategy {
        let other = asked.and_then(|built_in| {
            let place = BuiltIn::ALL.iter().position(|one| *one == built_in)?;
            Some(self.others.get(place)?.get_or_init(|| built_in.make(deployments)))
        });
        other.unwrap_or(&self.strategy).as_ref()
    }
}
