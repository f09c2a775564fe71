"""A made-up platform whose users' tastes are known: for tests, and for trying things without a chain.

Each topic has words of its own in English and in Chinese. A user loves one or two topics and reads one
language (some read both); how much they like an item decides what they view, for how long, and what they
back. With `taste=0` everybody picks at random, and a model that finds anything has found noise.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import polars as pl
from pydantic import BaseModel, ConfigDict, Field

from recommender.data.dataset import Floats, Ints
from recommender.data.schema import TIME, Tables

TOPICS: dict[str, tuple[str, str]] = {
    "bees": (
        "beehive honey pollen meadow apiary queen swarm wildflower",
        "蜂箱 蜂蜜 花粉 草甸 养蜂 蜂群 野花 授粉",
    ),
    "keyboards": (
        "keyboard switches keycaps firmware solder layout typing",
        "键盘 轴体 键帽 固件 焊接 配列 打字 手感",
    ),
    "tea": ("tea leaves harvest terrace roasting aroma infusion", "茶叶 采摘 茶园 炒制 香气 冲泡 山场 茶农"),
    "film": (
        "documentary film footage interview editing river archive",
        "纪录片 拍摄 采访 剪辑 影像 镜头 放映 导演",
    ),
    "games": (
        "board game cards dice players rules miniature campaign",
        "桌游 卡牌 骰子 玩家 规则 模型 剧本 回合",
    ),
    "music": ("folk songs recording fiddle vinyl melody singers", "民歌 录音 二胡 黑胶 旋律 歌手 唱片 乐谱"),
    "books": (
        "picture book illustration binding paper print stories",
        "绘本 插画 装帧 纸张 印刷 故事 童书 手作",
    ),
    "maps": (
        "hiking trail map contour mountain shelter compass",
        "徒步 山路 地图 等高线 山峰 营地 指南针 步道",
    ),
}
LANGUAGES = ("en", "zh-hans")
_PLAIN = ("project people make small team month plan first", "项目 大家 制作 团队 计划 支持 完成 工作")
_LISTED = 8
"""Cards on a list."""
_END = datetime(2026, 1, 1, tzinfo=UTC)


class SyntheticConfig(BaseModel):
    """How large the platform is and how strong its tastes are."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    users: int = Field(400, ge=1)
    items: int = Field(60, ge=1)
    views: int = Field(20_000, ge=0)
    contributions: int = Field(6_000, ge=0)
    taste: float = Field(3.0, ge=0)
    """Log-odds between a loved topic and another one; 0: no tastes at all."""
    days: int = Field(120, ge=1)
    chinese: float = Field(0.4, ge=0, le=1)
    """Share of items, and of users, in Chinese."""
    impressions: int = Field(0, ge=0)
    """Cards on lists, with the visits and contributions that they lead to beside the others; 0: none."""
    words: int = Field(30, ge=1)
    """Of each description; a campaign's whole story has three hundred."""
    seed: int = 0


def synthesize(config: SyntheticConfig) -> Tables:
    """The tables of a made-up platform; the same config gives the same tables."""
    return draw_platform(config)[0]


def draw_platform(config: SyntheticConfig) -> tuple[Tables, "Liking"]:
    """The same with its users' tastes: what they would like that they have not seen yet.

    User n has the id `0x…n + 1`, item n the id `item:n`.
    """
    rng = np.random.default_rng(config.seed)
    names = list(TOPICS)
    topic = rng.integers(len(names), size=config.items)
    chinese = rng.random(config.items) < config.chinese
    created = rng.uniform(0, config.days * 0.9, config.items)
    items = pl.DataFrame(
        {
            "item_id": [f"item:{i:05d}" for i in range(config.items)],
            "publisher_id": [
                f"publisher:{p:03d}" for p in rng.integers(max(config.items // 3, 1), size=config.items)
            ],
            "title": [_words(rng, names[t], c, 4) for t, c in zip(topic, chinese, strict=True)],
            "description": [
                _words(rng, names[t], c, config.words) for t, c in zip(topic, chinese, strict=True)
            ],
            "category": [names[t] for t in topic],
            "language": [LANGUAGES[int(c)] for c in chinese],
            "created_at": _times(created, config.days),
            "deadline": _times(np.full(config.items, config.days + 30.0), config.days),
            "goal": rng.uniform(1, 40, config.items),
        },
        schema_overrides={"created_at": TIME, "deadline": TIME},
    )
    liking = Liking.drawn(rng, config, topic, chinese, len(names))
    views = _draw(rng, config, liking, config.views, created)
    backed = _draw(rng, config, liking, config.contributions, created)
    love = liking.of(*views[:2]) / max(config.taste, 1.0)
    minutes = np.exp(rng.normal(0, 0.4, config.views)) * (0.5 + 2.0 * np.clip(love, 0, 1))
    events = pl.concat(
        [
            _events(views, "view", config.days).with_columns(minutes=pl.Series(minutes, dtype=pl.Float64)),
            _events(backed, "contribute", config.days).with_columns(
                amount=pl.Series(np.exp(rng.normal(-3, 1, config.contributions)), dtype=pl.Float64)
            ),
        ],
        how="diagonal",
    )
    impressions = None
    if config.impressions:
        impressions, led_to = _browse(config, liking, created)
        events = pl.concat([events, led_to], how="diagonal")
    tables = Tables(events.sort("timestamp", "user_id", "item_id", "kind"), items, impressions=impressions)
    return tables, liking


def _browse(config: SyntheticConfig, liking: "Liking", created: Floats) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Cards in lists of eight, and the events they led to: stop, click, read, back.

    Each step has a taste in it; people differ in patience and in means, cards fade by their place.
    """
    rng = np.random.default_rng([config.seed, 1])
    activity = rng.pareto(2.0, config.users) + 0.3
    patience, means = rng.normal(0, 0.7, (2, config.users))
    lists = max(config.impressions // _LISTED, 1)
    reader = rng.choice(config.users, size=lists, p=activity / activity.sum())
    when = rng.uniform(np.sort(created)[min(_LISTED, config.items) - 1], config.days, lists)
    drawn = np.where(created <= when[:, None], rng.random((lists, config.items)), np.inf)
    items = np.argsort(drawn, axis=1)[:, :_LISTED].ravel()
    slot = np.tile(np.arange(min(_LISTED, config.items)), lists)
    user, day = np.repeat(reader, len(items) // lists), np.repeat(when, len(items) // lists)
    odds = liking.of(user, items)
    love = np.clip(odds / max(config.taste, 1.0), 0, 1)

    def happens(log_odds: Floats) -> np.ndarray:
        return rng.random(len(user)) < 1 / (1 + np.exp(-log_odds))

    stopped = happens(-0.5 + 0.6 * odds - 0.12 * slot + patience[user])
    reading = 3.0 + (3.0 + 3.0 * love) * np.exp(rng.normal(0.3 * patience[user], 0.4))
    dwell = np.where(stopped, reading, rng.uniform(1.0, 2.9, len(user)))
    clicked = stopped & happens(-1.2 + 0.7 * odds)
    minutes = np.exp(rng.normal(0.3 * patience[user], 0.4)) * (0.5 + 2.0 * love)
    gave = clicked & happens(-1.5 + 0.6 * odds + 0.5 * means[user])
    amount = np.exp(rng.normal(-3.0 + 0.8 * means[user] + 0.5 * love, 0.6))
    opened = day + dwell / 86_400
    backed = opened + minutes / 1_440
    cards = _events((user, items, day), "view", config.days).drop("kind")
    cards = cards.with_columns(slot=pl.Series(slot), stopped=pl.Series(stopped), dwell=pl.Series(dwell))
    views = _events((user[clicked], items[clicked], opened[clicked]), "view", config.days)
    given = _events((user[gave], items[gave], backed[gave]), "contribute", config.days)
    led_to = [
        views.with_columns(minutes=pl.Series(minutes[clicked], dtype=pl.Float64)),
        given.with_columns(amount=pl.Series(amount[gave], dtype=pl.Float64)),
    ]
    return cards.sort("timestamp", "user_id", "slot"), pl.concat(led_to, how="diagonal")


def _words(rng: np.random.Generator, topic: str, chinese: bool, count: int) -> str:
    own, plain = TOPICS[topic][int(chinese)].split(), _PLAIN[int(chinese)].split()
    picked = [rng.choice(own if rng.random() < 0.7 else plain) for _ in range(count)]
    return ("" if chinese else " ").join(picked)


@dataclass(frozen=True)
class Liking:
    """How much each user likes each item, in log-odds: never all of them at once."""

    taste: float
    loves: Floats
    """(users, topics), 1 where the user loves the topic."""
    reads: np.ndarray
    """(users, 2), whether the user reads English and Chinese."""
    topic: Ints
    chinese: np.ndarray
    popularity: Floats

    @classmethod
    def drawn(
        cls, rng: np.random.Generator, config: SyntheticConfig, topic: Ints, chinese: np.ndarray, topics: int
    ) -> "Liking":
        loves = np.zeros((config.users, topics))
        for _ in range(2):
            loves[np.arange(config.users), rng.integers(topics, size=config.users)] = 1
        reads_chinese = rng.random(config.users) < config.chinese
        reads_both = rng.random(config.users) < 0.15
        reads = np.stack([~reads_chinese | reads_both, reads_chinese | reads_both], 1)
        return cls(config.taste, loves, reads, topic, chinese, rng.normal(0, 0.5, config.items))

    def of(self, users: Ints, items: Ints) -> Floats:
        """Of pairs: the two are broadcast against each other."""
        readable = self.reads[users, self.chinese[items].astype(np.int64)]
        odds: Floats = self.taste * (self.loves[users, self.topic[items]] + 0.7 * readable - 0.7)
        return odds + self.popularity[items]


def _draw(
    rng: np.random.Generator, config: SyntheticConfig, liking: Liking, count: int, created: Floats
) -> tuple[Ints, Ints, Floats]:
    """`count` events as (users, items, days): active users and liked items come up more often."""
    activity = rng.pareto(2.0, config.users) + 0.3
    users = rng.choice(config.users, size=count, p=activity / activity.sum())
    drawn, every = rng.random(count), np.arange(config.items)
    items = np.zeros(count, np.int64)
    order = np.argsort(users, kind="stable")
    edges = np.flatnonzero(np.diff(users[order], prepend=-1, append=-1))
    for start, stop in pairwise(edges.tolist()):
        mine = order[start:stop]
        odds = np.exp(liking.of(users[mine[0]], every))
        items[mine] = np.searchsorted(np.cumsum(odds / odds.sum()), drawn[mine])
    items = items.clip(max=config.items - 1)
    return users, items, rng.uniform(created[items], config.days)


def _events(drawn: tuple[Ints, Ints, Floats], kind: str, days: int) -> pl.DataFrame:
    users, items, when = drawn
    return pl.DataFrame(
        {
            "user_id": [f"0x{u:040x}" for u in users + 1],
            "item_id": [f"item:{i:05d}" for i in items],
            "timestamp": _times(when, days),
            "kind": [kind] * len(users),
        },
        schema={"user_id": pl.String, "item_id": pl.String, "timestamp": TIME, "kind": pl.String},
    )


def _times(day: Floats, days: int) -> list[datetime]:
    return [_END - timedelta(days=days) + timedelta(seconds=int(d * 86_400)) for d in day]
