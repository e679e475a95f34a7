-- trim_transitions: the stream of transitions keeps about so many entries, the newest.
--
-- args:     most:int
-- returns:  trimmed count
-- moves:
-- keeps:    6
-- uses:     keys
-- cost:     O(entries trimmed), whole nodes of the stream at a time

-- writes (a removal first: with memory full, it goes through)
return {'trimmed', redis.call('XTRIM', keys.transitions, 'MAXLEN', '~', most)}
