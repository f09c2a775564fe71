"""What the texts of a benchmark's shop are made of, and what is searched for in them."""

CATEGORIES = ("technology", "food", "games", "design", "film", "music", "books", "community")
ENGLISH = (
    *("honey", "roof", "bench", "clock", "garden", "radio", "river", "lamp", "bicycle"),
    *("orchard", "piano", "atlas", "kite", "harbour", "letter", "press", "solar", "kiln"),
    *("loom", "market", "museum", "forest", "archive", "choir", "bakery", "workshop", "compass"),
    *("telescope", "puzzle", "library"),
)
CHINESE = (
    *("春茶", "蜂蜜", "屋顶", "花园", "河流", "自行车", "果园", "钢琴"),
    *("地图", "风筝", "港口", "信件", "太阳能", "织布机", "市场", "博物馆"),
    *("森林", "合唱团", "面包", "工坊"),
)
