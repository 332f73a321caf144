#!lua name=darkcount

-- darkcount_put: one guarded change of everything that a sensor's record changes.
--
-- KEYS[1] is the sensor's head. ARGV begins with
--   1  the n that the head must hold (0: no head yet)
--   2  the n that it holds afterwards
--   3  the writer that the head must hold (an empty string: none yet)
--   4  the writer that it holds afterwards (an empty string: writers are not looked at, and stay)
-- and goes on with operations, each taking its key from KEYS in order:
--   SET value | HSET field value | HDEL field | UNLINK | EXPIREAT seconds
--   HEAD field value (a field of KEYS[1], takes no key)
--
-- Answers OK when everything was done, or the n that the head holds when a guard failed. An error means
-- that nothing was done: a script that stops midway keeps what it had written, so all that can go wrong
-- is looked for before the first write. Numbers stay strings: Lua's would lose digits above 2^53.

-- darkcount_trial: what darkcount_put does, on KEYS[1], which is gone again afterwards: it fails as every
-- call would fail, for want of memory, of a permission or of replicas.

-- An aggregator replaces a library of an older version and lets a newer one alone.
local VERSION = 4

local ARGUMENTS = { SET = 1, HSET = 2, HDEL = 1, UNLINK = 0, EXPIREAT = 1, HEAD = 2 }
local TYPE = { SET = 'string', HSET = 'hash', HDEL = 'hash', UNLINK = 'string' }
-- What an operation stands for, with as many arguments as the command needs.
local COMMAND = {
    SET = { 'SET', '' },
    HSET = { 'HSET', '', '' },
    HDEL = { 'HDEL', '' },
    UNLINK = { 'UNLINK' },
    EXPIREAT = { 'EXPIREAT', '0' },
    HEAD = { 'HSET', '', '' },
}

-- Why the user may not do the operation, or nil. Redis itself would say so midway.
local function denied(operation, key)
    local command = COMMAND[operation]
    if not redis.acl_check_cmd(command[1], key, unpack(command, 2)) then
        return 'NOPERM the user may not run ' .. command[1] .. ' on the keys that it writes'
    end
end

-- Why the key may not be written to by an operation that needs `kind` (nil: any), or nil.
local function wrong_type(key, kind)
    if not kind then
        return nil
    end
    local found = redis.call('TYPE', key).ok
    if found ~= 'none' and found ~= kind then
        return 'WRONGTYPE ' .. key .. ' is a ' .. found .. ', not a ' .. kind
    end
end

-- Why the operations cannot be done, or nil.
local function objection(keys, args)
    local at, key = 5, 2
    local asked = { HEAD = true } -- for the n, in any case
    local wrong = denied('HEAD', keys[1])
    if wrong then
        return wrong
    end
    while at <= #args do
        local operation = args[at]
        local arguments = ARGUMENTS[operation]
        if not arguments or at + arguments > #args then
            return 'ERR darkcount_put: not an operation at argument ' .. at
        end
        if operation == 'EXPIREAT' and (#args[at + 1] > 12 or not string.match(args[at + 1], '^%d+$')) then
            return 'ERR darkcount_put: not a time at argument ' .. at + 1
        end
        if operation ~= 'HEAD' then
            if not keys[key] then
                return 'ERR darkcount_put: too few keys'
            end
            wrong = wrong_type(keys[key], TYPE[operation])
            if not wrong and not asked[operation] then
                asked[operation] = true
                wrong = denied(operation, keys[key])
            end
            if wrong then
                return wrong
            end
            key = key + 1
        end
        at = at + 1 + arguments
    end
    if key ~= #keys + 1 then
        return 'ERR darkcount_put: too many keys'
    end
end

local function write(keys, args)
    local at, key = 5, 2
    while at <= #args do
        local operation = args[at]
        if operation == 'HEAD' then
            redis.call('HSET', keys[1], args[at + 1], args[at + 2])
        else
            if operation == 'SET' then
                redis.call('SET', keys[key], args[at + 1])
            elseif operation == 'HSET' then
                redis.call('HSET', keys[key], args[at + 1], args[at + 2])
            elseif operation == 'UNLINK' then
                redis.call('UNLINK', keys[key])
            else -- HDEL, EXPIREAT
                redis.call(operation, keys[key], args[at + 1])
            end
            key = key + 1
        end
        at = at + 1 + ARGUMENTS[operation]
    end
    redis.call('HSET', keys[1], 'n', args[2])
    if args[4] ~= '' then
        redis.call('HSET', keys[1], 'writer', args[4])
    end
end

local function put(keys, args)
    if #args < 4 or #keys < 1 then
        return redis.error_reply('ERR darkcount_put: too few arguments')
    end
    local wrong = wrong_type(keys[1], 'hash')
    if wrong then
        return redis.error_reply(wrong)
    end
    local n = redis.call('HGET', keys[1], 'n') or '0'
    if n ~= args[1] then
        return n
    end
    wrong = objection(keys, args)
    if wrong then
        return redis.error_reply(wrong)
    end
    if args[4] ~= '' and (redis.call('HGET', keys[1], 'writer') or '') ~= args[3] then
        return n
    end
    write(keys, args)
    return redis.status_reply('OK')
end

local function trial(keys)
    if #keys ~= 1 then
        return redis.error_reply('ERR darkcount_trial: one key')
    end
    for _, operation in ipairs({ 'HEAD', 'SET', 'HDEL', 'UNLINK', 'EXPIREAT' }) do
        local wrong = denied(operation, keys[1])
        if wrong then
            return redis.error_reply(wrong)
        end
    end
    redis.call('SET', keys[1], '')
    redis.call('UNLINK', keys[1])
    return redis.status_reply('OK')
end

redis.register_function('darkcount_put', put)
redis.register_function('darkcount_trial', trial)
redis.register_function{
    function_name = 'darkcount_version',
    callback = function() return VERSION end,
    flags = { 'no-writes' },
}
