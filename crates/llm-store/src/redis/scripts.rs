//! What Redis does in one step, and what its keys are. All times are the server's, so that no gateway's clock counts.
//!
//! Of each deployment there are a hash of its last minute (`r<second>` requests, `t<second>` tokens) and a sorted set of
//! its slots, scored by when they are over. A second's numbers leave when all of it is a minute old: room comes back up
//! to a second later, and never too early.

use redis::{Cmd, RedisResult, aio::MultiplexedConnection};

use super::lease::Release;
use super::worker::Reserve;

/// How long a slot is kept without a sign of life, in milliseconds.
pub(super) const SLOT_LEASE: u64 = 30_000;

/// Keys: minute, slots. Arguments: rpm, tpm, max_parallel (-1: no limit), tokens, slot, lease.
const RESERVE: &str = r"
local time = redis.call('TIME')
local second = tonumber(time[1])
local now = second * 1000 + math.floor(tonumber(time[2]) / 1000)
local limits = {r = tonumber(ARGV[1]), t = tonumber(ARGV[2])}
local most, tokens = tonumber(ARGV[3]), tonumber(ARGV[4])
local wants = {r = 1, t = math.min(tokens, math.max(limits.t, 0))}
local used, by, seconds = {r = 0, t = 0}, {}, {}
local fields = redis.call('HGETALL', KEYS[1])
for at = 1, #fields, 2 do
  local kind, when = string.sub(fields[at], 1, 1), tonumber(string.sub(fields[at], 2))
  if when + 61 <= second then
    redis.call('HDEL', KEYS[1], fields[at])
  else
    if not by[when] then
      by[when] = {r = 0, t = 0}
      seconds[#seconds + 1] = when
    end
    by[when][kind] = tonumber(fields[at + 1])
    used[kind] = used[kind] + by[when][kind]
  end
end
table.sort(seconds)
local worst, wait = nil, -1
for _, kind in ipairs({'r', 't'}) do
  local limit = limits[kind]
  local over = used[kind] + wants[kind] - limit
  if limit == 0 then return {0, kind, -1} end
  if limit > 0 and over > 0 then
    local freed, room = 0, -1
    for _, when in ipairs(seconds) do
      freed = freed + by[when][kind]
      if freed >= over then
        room = (when + 61) * 1000 - now
        break
      end
    end
    if not worst or room > wait then worst, wait = kind, room end
  end
end
if worst then return {0, worst, wait} end
if most >= 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
  if redis.call('ZCARD', KEYS[2]) >= most then return {0, 's', -1} end
  redis.call('ZADD', KEYS[2], now + tonumber(ARGV[6]), ARGV[5])
  redis.call('PEXPIRE', KEYS[2], ARGV[6])
end
if limits.r >= 0 or limits.t >= 0 then
  redis.call('HINCRBY', KEYS[1], 'r' .. time[1], 1)
  if wants.t > 0 then redis.call('HINCRBY', KEYS[1], 't' .. time[1], wants.t) end
  redis.call('EXPIRE', KEYS[1], 120)
end
return {1, time[1], 0}
";

/// Keys: minute, slots. Arguments: slot or nothing, second, tokens.
const RELEASE: &str = r"
if ARGV[1] ~= '' then redis.call('ZREM', KEYS[2], ARGV[1]) end
local second = tonumber(redis.call('TIME')[1])
if ARGV[3] ~= '0' and tonumber(ARGV[2]) + 61 > second then
  redis.call('HINCRBY', KEYS[1], 't' .. ARGV[2], ARGV[3])
  redis.call('EXPIRE', KEYS[1], 120)
end
return 0
";

/// Key: slots. Arguments: lease, slots.
const RENEW: &str = r"
local time = redis.call('TIME')
local over = time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[1])
for at = 2, #ARGV do redis.call('ZADD', KEYS[1], over, ARGV[at]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
return 0
";

/// Key: benches. Arguments: field, milliseconds, what else is to be known of it.
const BENCH: &str = r"
local time = redis.call('TIME')
local over = time[1] * 1000 + math.floor(time[2] / 1000) + tonumber(ARGV[2])
local known = redis.call('HGET', KEYS[1], ARGV[1])
if known and tonumber(string.match(known, '^%d+')) >= over then return 0 end
redis.call('HSET', KEYS[1], ARGV[1], string.format('%.0f', over) .. ' ' .. ARGV[3])
if redis.call('PTTL', KEYS[1]) < tonumber(ARGV[2]) then redis.call('PEXPIRE', KEYS[1], ARGV[2]) end
return 1
";

/// Key: benches. Gives field, value and the milliseconds that are left, of each.
const BENCHES: &str = r"
local fields = redis.call('HGETALL', KEYS[1])
if #fields == 0 then return fields end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local all = {}
for at = 1, #fields, 2 do
  local left = tonumber(string.match(fields[at + 1], '^%d+')) - now
  if left <= 0 then
    redis.call('HDEL', KEYS[1], fields[at])
  else
    all[#all + 1] = fields[at]
    all[#all + 1] = fields[at + 1]
    all[#all + 1] = string.format('%.0f', left)
  end
end
return all
";

/// The scripts as Redis knows them, and the beginning of all keys.
#[derive(Clone, Debug)]
pub(super) struct Scripts {
    prefix: String,
    /// Tells this gateway's slots from those of others.
    origin: String,
    reserve: String,
    release: String,
    renew: String,
    bench: String,
    benches: String,
}

impl Scripts {
    /// Tells Redis the scripts.
    pub(super) async fn load(
        connection: &mut MultiplexedConnection,
        prefix: &str,
        origin: &str,
    ) -> RedisResult<Self> {
        let mut pipe = redis::pipe();
        for script in [RESERVE, RELEASE, RENEW, BENCH, BENCHES] {
            pipe.cmd("SCRIPT").arg("LOAD").arg(script);
        }
        let (reserve, release, renew, bench, benches) = pipe.query_async(connection).await?;
        let (prefix, origin) = (prefix.to_owned(), origin.to_owned());
        Ok(Self { prefix, origin, reserve, release, renew, bench, benches })
    }

    /// Keys of one deployment lie together, also where keys are spread over servers.
    fn key(&self, deployment: &str, what: &str) -> String {
        format!("{}:{{{deployment}}}:{what}", self.prefix)
    }

    fn slot(&self, number: u64) -> String {
        format!("{}:{number}", self.origin)
    }

    fn run(script: &str, keys: usize) -> Cmd {
        let mut command = redis::cmd("EVALSHA");
        command.arg(script).arg(keys);
        command
    }

    fn of_deployment(&self, script: &str, deployment: &str) -> Cmd {
        let mut command = Self::run(script, 2);
        command.arg(self.key(deployment, "minute")).arg(self.key(deployment, "slots"));
        command
    }

    pub(super) fn reserve(&self, reserve: &Reserve) -> Cmd {
        let limit = |limit: Option<u64>| limit.map_or(-1, |limit| i64::try_from(limit).unwrap_or(-1));
        let lease = &reserve.lease;
        let mut command = self.of_deployment(&self.reserve, &lease.deployment);
        command
            .arg(limit(reserve.rpm))
            .arg(limit(reserve.tpm))
            .arg(limit(reserve.max_parallel.map(u64::from)));
        command.arg(lease.estimate).arg(self.slot(lease.number)).arg(SLOT_LEASE);
        command
    }

    pub(super) fn release(&self, release: &Release) -> Cmd {
        let mut command = self.of_deployment(&self.release, &release.deployment);
        let slot = release.slot.map(|number| self.slot(number)).unwrap_or_default();
        command.arg(slot).arg(release.second).arg(release.tokens);
        command
    }

    pub(super) fn renew(&self, deployment: &str, slots: impl Iterator<Item = u64>) -> Cmd {
        let mut command = Self::run(&self.renew, 1);
        command.arg(self.key(deployment, "slots")).arg(SLOT_LEASE);
        for number in slots {
            command.arg(self.slot(number));
        }
        command
    }

    pub(super) fn bench(&self, field: &str, milliseconds: u64, strict: bool) -> Cmd {
        let mut command = Self::run(&self.bench, 1);
        let about = format!("{} {}", u8::from(strict), self.origin);
        command.arg(self.benches_key()).arg(field).arg(milliseconds).arg(about);
        command
    }

    pub(super) fn recovered(&self, field: &str) -> Cmd {
        let mut command = redis::cmd("HDEL");
        command.arg(self.benches_key()).arg(field);
        command
    }

    pub(super) fn benches(&self) -> Cmd {
        let mut command = Self::run(&self.benches, 1);
        command.arg(self.benches_key());
        command
    }

    fn benches_key(&self) -> String {
        format!("{}:benches", self.prefix)
    }
}
