"""Words that say nothing about what a text is about.

Questions are made of them ("what is the … of"), and in a small knowledge base they are rare enough
to look important. English words are compared before stemming; Chinese ones are cut out of the text
before it becomes bigrams, longest first.
"""

from typing import Final

_ENGLISH: Final = """
    a about above after again against all also am an and any are as at be because been before being
    below between both but by can could did do does doing don during each either else ever few for
    from further had has have having he her here hers herself him himself his how however i if in
    into is it its itself just let ll may me might more most must my myself neither nor of off on
    once only or other ought our ours ourselves out over own please re same shall she should so some
    such s t than that the their theirs them themselves then there these they this those through to
    too until us ve very was we were what whatever when where whether which while who whom whose why
    will with would you your yours yourself yourselves
    arent cannot cant couldnt didnt doesnt dont hadnt hasnt havent isnt shouldnt thats wasnt werent
    whats wont wouldnt describe explain tell
"""
_CHINESE: Final = """
    为什么 是什么 有什么 什么样 怎么样 什么时候 多少 什么 怎么 怎样 如何 哪里 哪儿 哪些 哪个 哪一 哪
    是否 是不是 能不能 可不可以 有没有 请问 以及 或者 还是 因为 所以 如果 但是
    我们 你们 他们 她们 它们 这个 那个 这些 那些 这里 那里
    吗 呢 吧 啊 呀 么 的 了 着 谁
"""

ENGLISH: Final = frozenset(_ENGLISH.split())
CHINESE: Final = tuple(sorted(_CHINESE.split(), key=len, reverse=True))
