"""Files with a few bytes changed, cut or added, for differential.py and differential_formats.py."""

import random


def mutated(data):
    data = bytearray(data)
    for _ in range(random.randint(1, 3)):
        kind = random.random()
        place = random.randrange(len(data))
        if kind < 0.5:
            data[place] = random.choice([0, 0x20, 0x22, 0x2C, 0x30, 0x5D, 0x7B, 0x7D, 0xFF, data[place] ^ (1 << random.randrange(8))])
        elif kind < 0.65:
            data = data[:place]
        elif kind < 0.8:
            data[place:place] = bytes(random.randrange(256) for _ in range(random.randint(1, 8)))
        else:
            del data[place : place + random.randint(1, 8)]
        if not data:
            return b"\0"
    return bytes(data)
