/**
 * What BullMQ does itself to pause a queue and let it go on, in one step, for its versions 4 to 6: earlier ones look for
 * waiting jobs in `paused` while the queue is paused, later ones leave them where they are.
 */

/** KEYS meta, wait, paused, marker, events. */
export const pauseScript = `
if redis.call("EXISTS", KEYS[1]) == 0 or redis.call("HEXISTS", KEYS[1], "paused") == 1 then return 0 end
redis.call("HSET", KEYS[1], "paused", 1)
if redis.call("EXISTS", KEYS[2]) == 1 and redis.call("EXISTS", KEYS[3]) == 0 then
  redis.call("RENAME", KEYS[2], KEYS[3])
end
redis.call("DEL", KEYS[4])
redis.call("XADD", KEYS[5], "*", "event", "paused")
return 1`;

/** KEYS meta, wait, paused, marker, events, prioritized, delayed. */
export const resumeScript = `
if redis.call("HEXISTS", KEYS[1], "paused") == 0 then return 0 end
redis.call("HDEL", KEYS[1], "paused")
while true do
  local ids = redis.call("LRANGE", KEYS[3], 0, 4999)
  if #ids == 0 then break end
  redis.call("RPUSH", KEYS[2], unpack(ids))
  redis.call("LTRIM", KEYS[3], #ids, -1)
end
if redis.call("LLEN", KEYS[2]) + redis.call("ZCARD", KEYS[6]) > 0 then
  redis.call("ZADD", KEYS[4], 0, "0")
else
  local due = redis.call("ZRANGE", KEYS[7], 0, 0, "WITHSCORES")
  if due[2] then redis.call("ZADD", KEYS[4], tonumber(due[2]) / 0x1000, "1") end
end
redis.call("XADD", KEYS[5], "*", "event", "resumed")
return 1`;

/**
 * One job to another queue, with all that is its own. KEYS its place, the place there, its note there. ARGV its id, its
 * key, its key there, what it is noted with, its score ("" in a list). Nothing where it is no longer in its place.
 */
export const moveScript = `
local gone
if redis.call("TYPE", KEYS[1]).ok == "zset" then gone = redis.call("ZREM", KEYS[1], ARGV[1])
else gone = redis.call("LREM", KEYS[1], 1, ARGV[1]) end
if gone == 0 then return 0 end
for _, part in ipairs({"", ":logs", ":dependencies", ":processed", ":failed", ":unsuccessful"}) do
  if redis.call("EXISTS", ARGV[2] .. part) == 1 then redis.call("RENAME", ARGV[2] .. part, ARGV[3] .. part) end
end
if ARGV[5] == "" then redis.call("LPUSH", KEYS[2], ARGV[1]) else redis.call("ZADD", KEYS[2], ARGV[5], ARGV[1]) end
if ARGV[4] == "" then redis.call("HDEL", KEYS[3], ARGV[1]) else redis.call("HSET", KEYS[3], ARGV[1], ARGV[4]) end
return 1`;
