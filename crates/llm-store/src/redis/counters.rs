//! What Redis does in one step for limits and budgets of subjects, and what its keys hold. All times are the server's.
//!
//! - Requests and tokens: a hash of amounts by when they were taken, in steps of a sixtieth of the window. A step's
//!   amounts leave when all of it is a window old: room comes back up to a step later, and never too early.
//! - Slots: a sorted set of leases, scored by when they are over.
//! - Money: a hash, and a sorted set of its holds scored by when they are over. `since` is what was spent since `life`
//!   began, `base` what was spent before that as far as any gateway knows: each gives what it had heard of the last life
//!   once, and the most counts. `held` is the sum of the holds `h<lease>`.
//! - What a gateway has settled last, by number: what is sent again is not booked again.
//!
//! All keys lie in one slot of a cluster (`{calls}`): a call takes of several subjects in one step.

use std::rc::Rc;
use std::time::Duration;

use futures_util::future::{FutureExt, LocalBoxFuture};
use llm_core::Result;
use redis::{Client, Pipeline, RedisResult};

use super::line::Line;
use crate::settings::RedisSettings;
use crate::shared::counters::{CounterLeases, CounterLine, CounterServer, Said, Script, SharedCallCounters};
use crate::shared::talk::{Lost, PATIENCE};

/// A `for ever` is begun again from what gateways know after so many milliseconds without a call.
const IDLE: &str = "2592000000";

/// What several scripts do.
const COMMON: &str = r"
local time = redis.call('TIME')
local second = tonumber(time[1])
local now = second * 1000 + math.floor(tonumber(time[2]) / 1000)
local function whole(number) return string.format('%.0f', number) end
local function number(text) return tonumber(text or '0') or 0 end
-- A day after its period nobody settles in it any more.
local function expire(key, over)
  if over == '' then redis.call('PEXPIRE', key, IDLE)
  else redis.call('PEXPIREAT', key, whole(math.max(tonumber(over), now) + 86400000)) end
end
local function release(key, holds, lease)
  local amount = redis.call('HGET', key, 'h' .. lease)
  if amount then
    redis.call('HINCRBY', key, 'held', '-' .. amount)
    redis.call('HDEL', key, 'h' .. lease)
  end
  redis.call('ZREM', holds, lease)
end
local function hold(key, holds, lease, amount, over, before)
  if amount - before ~= 0 then redis.call('HINCRBY', key, 'held', whole(amount - before)) end
  redis.call('HSET', key, 'h' .. lease, whole(amount))
  redis.call('ZADD', holds, over, lease)
end
";

/// Key: the gateway. Argument: the number of what it settled last.
const MEET: &str = r"
if redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', 86400000) then return {'1'} end
return {}
";

/// Keys: two of each want, two of each thing that is given back. Arguments: lease, milliseconds that slots and holds
/// last, the number of wants; seven of each want, three of each thing that is given back.
const RESERVE: &str = r"
local lease, slots, holds, count = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local said, writes = {'1'}, {}
local function write(what) writes[#writes + 1] = what end
local function say(left, first, second)
  said[#said + 1] = whole(left)
  said[#said + 1] = first
  said[#said + 1] = second
end
local looks = {}
function looks.f(key, _, limit, amount, window, step, own, has)
  window, step, has = tonumber(window), tonumber(step), tonumber(has)
  local used, by, whens = 0, {}, {}
  local fields = redis.call('HGETALL', key)
  for at = 1, #fields, 2 do
    local when = tonumber(fields[at])
    if when + window + step <= second then
      redis.call('HDEL', key, fields[at])
    else
      whens[#whens + 1] = when
      by[when] = tonumber(fields[at + 1])
      used = used + by[when]
    end
  end
  local bucket = whole(second - second % step)
  if own ~= '' and by[tonumber(own)] then bucket = own else has = 0 end
  local others, takes = used - has, math.max(amount, has)
  local rest = math.max(limit - others, 0)
  if takes > rest then
    table.sort(whens)
    local freed, room = 0, -1
    for _, when in ipairs(whens) do
      freed = freed + by[when]
      if freed >= others + takes - limit then
        room = (when + window + step) * 1000 - now
        break
      end
    end
    return rest, room
  end
  say(rest - takes, bucket, '0')
  write(function()
    redis.call('HINCRBY', key, bucket, whole(takes - has))
    redis.call('EXPIRE', key, window + 2 * step + 60)
  end)
end
function looks.s(key, _, limit)
  redis.call('ZREMRANGEBYSCORE', key, '-inf', now)
  local others = redis.call('ZCARD', key)
  if redis.call('ZSCORE', key, lease) then others = others - 1 end
  if others + 1 > limit then return 0, -1 end
  say(limit - others - 1, '', '0')
  write(function()
    redis.call('ZADD', key, now + slots, lease)
    redis.call('PEXPIRE', key, slots)
  end)
end
function looks.m(key, ends, cap, amount, over, known, life, heard)
  for _, gone in ipairs(redis.call('ZRANGEBYSCORE', ends, '-inf', now, 'LIMIT', 0, 1000)) do
    release(key, ends, gone)
  end
  local is = redis.call('HMGET', key, 'life', 'base', 'since', 'held', 'h' .. lease)
  local base, since, own = number(is[2]), number(is[3]), number(is[5])
  if is[1] ~= life then base = math.max(base, tonumber(heard), tonumber(known) - since)
  -- A replica took over that lacks what was heard.
  elseif base + since < tonumber(heard) then base = tonumber(heard) - since end
  local others = number(is[4]) - own
  amount = math.max(amount, own)
  if cap >= 0 then
    local rest = math.max(cap - base - since - others, 0)
    if amount > rest then return rest, -1 end
    cap = rest - amount
  end
  say(math.max(cap, 0), is[1] or lease, whole(base + since))
  write(function()
    redis.call('HSET', key, 'life', is[1] or lease, 'base', whole(base))
    if amount > 0 then hold(key, ends, lease, amount, now + holds, own) end
    expire(key, over)
    expire(ends, over)
  end)
end
for want = 1, count do
  local at = 7 * want - 2
  local left, after = looks[ARGV[at]](KEYS[2 * want - 1], KEYS[2 * want], tonumber(ARGV[at + 1]),
    tonumber(ARGV[at + 2]), ARGV[at + 3], ARGV[at + 4], ARGV[at + 5], ARGV[at + 6])
  if left then return {'0', whole(want - 1), whole(left), whole(after)} end
end
for _, what in ipairs(writes) do what() end
for back = 1, #KEYS / 2 - count do
  local at, key = 3 * back + 7 * count + 2, KEYS[2 * (count + back) - 1]
  if ARGV[at] == 's' then redis.call('ZREM', key, lease)
  elseif ARGV[at] == 'm' then release(key, KEYS[2 * (count + back)], lease)
  elseif ARGV[at + 2] ~= '0' and redis.call('HEXISTS', key, ARGV[at + 1]) == 1 then
    redis.call('HINCRBY', key, ARGV[at + 1], '-' .. ARGV[at + 2])
  end
end
return said
";

/// Keys: the gateway, two of each thing. Arguments: the settlement's number, lease; five of each thing: what it is,
/// tokens beyond what was taken or nano-dollars, and when they were taken, or when the period is over, the life that
/// was known, and what was heard of the last one. Gives life and all that was spent of each budget.
const SETTLE: &str = r"
if number(redis.call('GET', KEYS[1])) >= tonumber(ARGV[1]) then return {} end
redis.call('SET', KEYS[1], ARGV[1], 'PX', 86400000)
local lease, said = ARGV[2], {}
for thing = 1, (#KEYS - 1) / 2 do
  local key, ends, at = KEYS[2 * thing], KEYS[2 * thing + 1], 5 * thing - 2
  local kind, amount = ARGV[at], ARGV[at + 1]
  if kind == 's' then
    redis.call('ZREM', key, lease)
  elseif kind == 'f' then
    if amount ~= '0' and redis.call('HEXISTS', key, ARGV[at + 2]) == 1 then
      redis.call('HINCRBY', key, ARGV[at + 2], amount)
    end
  else
    release(key, ends, lease)
    local is = redis.call('HMGET', key, 'life', 'base', 'since')
    local life, base = is[1] or 'settled' .. KEYS[1] .. ARGV[1], number(is[2])
    if life ~= ARGV[at + 3] then base = math.max(base, tonumber(ARGV[at + 4])) end
    if amount ~= '0' then
      redis.call('HSET', key, 'life', life, 'base', whole(base))
      redis.call('HINCRBY', key, 'since', amount)
      expire(key, ARGV[at + 2])
      said[#said + 1] = key
      said[#said + 1] = life
      said[#said + 1] = whole(base + number(is[3]) + tonumber(amount))
    end
  end
end
return said
";

/// Keys: the gateway, two of each thing. Arguments: milliseconds that slots and holds last; four of each thing: what it is, lease,
/// nano-dollars, when the period is over.
const RENEW: &str = r"
redis.call('PEXPIRE', KEYS[1], 86400000)
for thing = 1, (#KEYS - 1) / 2 do
  local key, ends, at = KEYS[2 * thing], KEYS[2 * thing + 1], 4 * thing - 1
  local lease = ARGV[at + 1]
  if ARGV[at] == 's' then
    redis.call('ZADD', key, now + tonumber(ARGV[1]), lease)
    redis.call('PEXPIRE', key, ARGV[1])
  else
    local own = redis.call('HGET', key, 'h' .. lease)
    local amount = tonumber(own or ARGV[at + 2])
    hold(key, ends, lease, amount, now + tonumber(ARGV[2]), number(own))
    expire(key, ARGV[at + 3])
    expire(ends, ARGV[at + 3])
  end
end
return {}
";

/// Keys: the gateway, two of the money of a subject. Argument: the life that was known. What is held stays.
const FORGET: &str = r"
if redis.call('HGET', KEYS[2], 'life') == ARGV[1] then
  redis.call('HDEL', KEYS[2], 'life', 'base', 'since')
end
return {}
";

const SCRIPTS: [(Script, &str); 5] = [
    (Script::Meet, MEET),
    (Script::Reserve, RESERVE),
    (Script::Settle, SETTLE),
    (Script::Renew, RENEW),
    (Script::Forget, FORGET),
];

impl SharedCallCounters {
    /// Through Redis.
    ///
    /// # Errors
    /// When the address is none, or the system gives no thread.
    pub fn through_redis(settings: &RedisSettings, leases: CounterLeases) -> Result<Self> {
        let (client, timeout) = (settings.client()?, settings.timeout.max(PATIENCE));
        let connect = move |lost| open(client.clone(), timeout, lost).boxed_local();
        let prefix = format!("{}:{{calls}}:", settings.prefix);
        let server = CounterServer { connect: Box::new(connect), name: "redis", prefix, timeout };
        Self::start(server, leases)
    }
}

/// A connection to a Redis that knows the scripts.
struct RedisCounters {
    line: Line,
    /// What Redis calls them, in the order of [`SCRIPTS`].
    names: Vec<String>,
}

async fn open(client: Client, timeout: Duration, lost: Lost) -> Result<Rc<dyn CounterLine>, String> {
    let line = Line::open(&client, timeout, lost).await?;
    let names = load(&line).await.map_err(|error| error.to_string())?;
    Ok(Rc::new(RedisCounters { line, names }))
}

/// Tells Redis the scripts.
async fn load(line: &Line) -> RedisResult<Vec<String>> {
    let common = COMMON.replace("IDLE", IDLE);
    let mut pipe = redis::pipe();
    for (_, script) in SCRIPTS {
        pipe.cmd("SCRIPT").arg("LOAD").arg(format!("{common}{script}"));
    }
    pipe.query_async(&mut line.connection.clone()).await
}

impl RedisCounters {
    fn add(&self, pipe: &mut Pipeline, said: &Said) {
        let places = SCRIPTS.iter().zip(&self.names);
        let name = places.filter(|((script, _), _)| *script == said.script).map(|(_, name)| name).next();
        let gateway = (said.script != Script::Reserve).then_some(&*said.gateway);
        let command = pipe.cmd("EVALSHA");
        command.arg(name).arg(usize::from(gateway.is_some()) + 2 * said.keys.len()).arg(gateway);
        for key in &said.keys {
            // Where the holds of money end.
            command.arg(&**key).arg(format!("{key}:holds"));
        }
        command.arg(&said.arguments);
    }
}

impl CounterLine for RedisCounters {
    fn say(&self, all: Vec<Said>) -> LocalBoxFuture<'static, Option<Vec<Vec<String>>>> {
        let mut pipe = redis::pipe();
        all.iter().for_each(|said| self.add(&mut pipe, said));
        let line = self.line.clone();
        async move { line.ask(pipe).await }.boxed_local()
    }
}
