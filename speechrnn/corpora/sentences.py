"""What the synthetic corpus says: sentences that a person would speak to a machine.

A small context-free grammar of commands, questions, numbers, times, dates, money and places. Numbers are
spelt out, so that what is spoken is what is written. Whether a sentence belongs to training or to the test
hangs on its letters alone (`reserved_for_test`): the two never share one, whatever the seed and the size.
"""

import hashlib
import random
import re

# A rule's alternatives are equally likely. "<name>" stands for a rule, everything else is said as it is.
RULES: dict[str, tuple[str, ...]] = {
    "sentence": (
        "<device command>",
        "<device command>",
        "<clock>",
        "<clock>",
        "<calendar>",
        "<calendar>",
        "<message>",
        "<travel>",
        "<travel>",
        "<shopping>",
        "<shopping>",
        "<music>",
        "<weather>",
        "<arithmetic>",
        "<digits command>",
    ),
    "device command": (
        "<please>turn <on or off> the <device> in the <room>",
        "<please>turn the <device> in the <room> <on or off>",
        "<open or close> the <opening> in the <room>",
        "set the <device> in the <room> to <number> percent",
        "set the temperature in the <room> to <temperature> degrees",
        "make the <room> <brighter> and the <room> <brighter>",
        "is the <device> in the <room> still <on or off>",
        "did someone leave the <opening> in the <room> open",
    ),
    "clock": (
        "wake me <up>at <time>",
        "wake me <up>at <time> on <weekday> morning",
        "set a timer for <number> minutes",
        "set a timer for <number> minutes and <number> seconds",
        "what time is it in <place>",
        "remind <person> to <chore> at <time>",
        "stop the timer after <number> seconds",
        "how long is it until <time>",
    ),
    "calendar": (
        "what is on my calendar for <date>",
        "move my meeting with <person> from <weekday> to <weekday>",
        "book a table for <small number> at <time> on <date>",
        "cancel the <event> on <date>",
        "when is the <event> with <person>",
        "add a <event> with <person> on <weekday> at <time>",
        "my birthday is on <date>",
        "plan a <event> in <place> on <date>",
    ),
    "message": (
        "call <person> at work",
        "<please>call <person> and then <person>",
        "tell <person> that the <event> starts at <time>",
        "send a message to <person> about the <event>",
        "ask <person> to bring <small number> <food>",
        "read the last <small number> messages from <person>",
    ),
    "travel": (
        "find a train from <place> to <place> on <weekday>",
        "find a <cheap> flight from <place> to <place>",
        "how far is it from <place> to <place>",
        "the train to <place> leaves at <time>",
        "when does the next bus to <place> leave",
        "show me the road to <place>",
        "take me to the <building> near the <building>",
        "where is the nearest <building>",
        "i need a room in <place> for <small number> nights",
    ),
    "shopping": (
        "buy <small number> <food> and <small number> <food>",
        "add <food> and <food> to my shopping list",
        "how much are <small number> <food>",
        "order <small number> <food> for <person>",
        "pay <number> <currency> to <person>",
        "that will be <number> <currency> and <number> cents",
        "i would like a <colour> <thing> for <number> <currency>",
        "do you have this <thing> in <colour> or <colour>",
    ),
    "music": (
        "play some <music kind> music in the <room>",
        "play the <ordinal small> song again",
        "skip the next <small number> songs",
        "turn the music <up or down> a little",
        "i do not like this song play some <music kind>",
    ),
    "weather": (
        "what will the weather be like in <place> on <weekday>",
        "will it <rain> in <place> <when>",
        "how <warm> will it be in <place> <when>",
        "it is <tens> degrees and <sky> in <place>",
    ),
    "arithmetic": (
        "what is <number> <operation> <number>",
        "how much is <number> <operation> <number>",
        "what is <tens> percent of <hundreds>",
        "how many <unit> are there in <number> <unit>",
    ),
    "digits command": (
        "the number is <digit> <digit> <digit> <digit>",
        "dial <digit> <digit> <digit> <digit> <digit> <digit>",
        "the code for the <opening> is <digit> <digit> <digit> <digit>",
        "delete message number <number>",
    ),
    "please": ("", "", "please ", "could you please "),
    "up": ("", "up "),
    "on or off": ("on", "off"),
    "open or close": ("open", "close", "lock"),
    "up or down": ("up", "down"),
    "brighter": ("brighter", "darker", "warmer", "cooler", "quiet"),
    "device": ("light", "lamp", "heater", "radio", "television", "fan", "oven", "speaker", "computer"),
    "room": ("kitchen", "bathroom", "bedroom", "garage", "garden", "office", "living room", "hall", "cellar"),
    "opening": ("door", "window", "gate", "curtain"),
    "temperature": ("sixteen", "eighteen", "nineteen", "twenty", "twenty <digit>"),
    "person": (
        "anna", "peter", "maria", "david", "emma", "thomas", "julia", "robert", "sarah", "michael", "laura",
        "daniel", "my mother", "my brother", "my sister", "the doctor", "the teacher",
    ),
    "chore": (
        "feed the cat", "walk the dog", "water the flowers", "wash the car", "close the window",
        "take out the rubbish", "pick up the children", "clean the <room>", "buy <food>",
    ),
    "event": ("party", "meeting", "dinner", "lesson", "concert", "wedding", "football game"),
    "place": (
        "london", "paris", "berlin", "madrid", "vienna", "boston", "chicago", "dublin", "oslo", "moscow",
        "tokyo", "sydney", "cairo", "lisbon", "toronto", "zurich", "new york", "mexico",
    ),
    "building": ("station", "airport", "hospital", "library", "museum", "bank", "school", "bakery", "hotel"),
    "cheap": ("cheap", "direct", "quick", "late"),
    "food": (
        "apples", "bananas", "potatoes", "tomatoes", "eggs", "onions", "carrots", "bottles of milk",
        "cups of coffee", "loaves of bread", "bags of sugar", "boxes of tea", "pieces of cheese",
    ),
    "thing": ("jacket", "shirt", "hat", "bag", "chair", "blanket", "bicycle", "umbrella"),
    "colour": ("red", "green", "blue", "yellow", "black", "white", "brown", "pink"),
    "currency": ("dollars", "euros", "pounds"),
    "music kind": ("jazz", "rock", "piano", "dance", "country", "classical"),
    "rain": ("rain", "snow", "be windy", "be sunny", "freeze"),
    "sky": ("cloudy", "sunny", "raining", "foggy"),
    "warm": ("warm", "cold", "hot", "wet"),
    "when": ("today", "tomorrow", "tonight", "this evening", "this afternoon", "on <weekday>", "next week"),
    "operation": ("plus", "minus", "times", "divided by"),
    "unit": ("metres", "miles", "feet", "grams", "hours", "minutes", "days"),
    "digit": ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine"),
    "teen": (
        "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen",
        "nineteen",
    ),
    "tens": ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"),
    "hundreds": ("<digit> hundred", "<digit> hundred and <tens>", "<digit> thousand"),
    "number": ("<digit>", "<teen>", "<tens>", "<tens> <digit>", "<tens> <digit>", "<hundreds>"),
    "small number": ("two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "twelve"),
    "hour": (
        "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve",
    ),
    "time": (
        "<hour> o'clock",
        "half past <hour>",
        "quarter past <hour>",
        "quarter to <hour>",
        "<hour> <teen>",
        "<hour> <tens of minutes>",
        "<hour> <tens of minutes> <digit>",
    ),
    "tens of minutes": ("twenty", "thirty", "forty", "fifty"),
    "weekday": ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"),
    "month": (
        "january", "february", "march", "april", "may", "june", "july", "august", "september", "october",
        "november", "december",
    ),
    "ordinal small": (
        "first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth",
    ),
    "ordinal": ("<ordinal small>", "<ordinal teen>", "twentieth", "twenty <ordinal small>", "thirtieth"),
    "ordinal teen": ("eleventh", "twelfth", "thirteenth", "fifteenth", "eighteenth"),
    "date": ("the <ordinal> of <month>", "<month> the <ordinal>", "<weekday> the <ordinal> of <month>"),
}  # fmt: skip

TEST_SHARE = 0.1

_SLOT = re.compile(r"<([a-z ]+)>")


def draw(random_source: random.Random) -> str:
    """Return one sentence of the grammar in lower case."""
    return _expand("<sentence>", random_source)


def reserved_for_test(sentence: str) -> bool:
    """Return whether `sentence` may be spoken in the test only; otherwise in training only."""
    digest = hashlib.blake2b(sentence.encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") < TEST_SHARE * 2**32


def words() -> frozenset[str]:
    """Return every word that the grammar can say."""
    return frozenset(
        word for options in RULES.values() for option in options for word in _SLOT.sub(" ", option).split()
    )


def _expand(pattern: str, random_source: random.Random) -> str:
    """Return `pattern` with each slot replaced by a random alternative of its rule, from left to right."""
    return _SLOT.sub(lambda slot: _expand(random_source.choice(RULES[slot[1]]), random_source), pattern)
