"""The materials by name. A table: what they are called, their colours, and how they take light."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Any

from varireal_demo.materials.material import Material


def _material(module: str, pattern: str, words: str, palette: str, tied: int = 1, **look: Any) -> Material:
    """A material from its comma-separated words (the first is its name) and space-separated colours."""
    name, *synonyms = (word.strip() for word in words.split(","))
    return Material(name, tuple(synonyms), module, pattern, tuple(palette.split()), tied, **look)


_ALL = (
    # Thread, wire, straw.
    _material(
        "mineral", "knit",
        "knitted wool, knit, knitted, knitwear, wool knit, wool sweater, sweater, yarn, crochet, crocheted yarn, "
        "woollen, woolen",
        "#b8524a", repeats=12, relief=1.2, upright=True),
    _material(
        "mineral", "wool",
        "wool fleece, wool, fleece, sheepskin, curly wool, curly coat, woolly, curly fur, curly",
        "#e4dccb", repeats=14),
    _material(
        "mineral", "felt",
        "felt, wool felt, cloth, fabric, textile, velvet, suede, plush, cotton, linen, canvas",
        "#a8554c", repeats=8, relief=0.5),
    _material(
        "mineral", "basket",
        "basket weave, basket, wicker, woven basket, rattan, woven bamboo, woven straw, woven reed, straw, straw "
        "mat, thatch, cane, bamboo weave, raffia, burlap",
        "#c49a58", repeats=10, upright=True),
    _material(
        "mineral", "rope",
        "rope, braided rope, braid, coiled rope, twisted rope, jute, hemp",
        "#c0a070", repeats=9),
    _material(
        "mineral", "plaid",
        "plaid, tartan, tartan plaid, tweed, checked cloth, gingham, flannel, argyle",
        "#a82828 #1e2c50 #e8d8a0", repeats=4, relief=0.4, upright=True),
    _material(
        "mineral", "denim",
        "denim, jeans, blue jean, denim cloth",
        "#2c4468 #c8d2dc", tied=1, repeats=20, relief=0.4),
    _material(
        "mineral", "chain_mail",
        "chain mail, chainmail, chainmail armor, chain mail armor, mail armor, chain link, chain, metal mesh, "
        "wire mesh, metal ring",
        "#c0c6cc #14161a", repeats=13, gloss=0.6, relief=1.4),
    _material(
        "mineral", "carbon",
        "carbon fiber, carbon fibre, carbon",
        "#34363a", repeats=20, gloss=0.7, mirror=0.15, relief=0.4),
    # Stone, clay, glass, fire.
    _material(
        "mineral", "marble",
        "marble, veined marble, polished marble, white marble, travertine, alabaster, onyx stone",
        "#ece8e2 #4e5460", tied=1, repeats=4, gloss=0.5, mirror=0.08, relief=0.2),
    _material(
        "mineral", "granite",
        "granite, stone, rock, rocky, boulder, limestone, slate, sandstone, pumice, speckled stone",
        "#a8a29a #6c6862 #2e2c2c", tied=3, repeats=10),
    _material(
        "mineral", "brick",
        "brick, brick wall, brickwork, masonry, clay brick",
        "#a04630 #c8c0b4", repeats=9, upright=True),
    _material(
        "mineral", "cobblestone",
        "cobblestone, cobbled stone, cobble, paving stone, pebble, pebbled, stone wall, flagstone",
        "#8f877c #7c8088 #2c2826", tied=2, repeats=9, relief=1.3),
    _material(
        "mineral", "mosaic",
        "mosaic, mosaic tile, stone mosaic, tesserae, broken tile, ceramic mosaic",
        "#2f7f9a #4fb0b8 #e0c890 #2c5a78 #d8e4e0 #c8784a #d0ccc0", tied=6, repeats=14, gloss=0.5),
    _material(
        "mineral", "stained_glass",
        "stained glass, stained glass window, leaded glass, tiffany glass",
        "#b02838 #e0a020 #2860b0 #2c8c50 #7c3c98 #e8dcb0 #17171a", tied=6, repeats=7, gloss=0.6),
    _material(
        "mineral", "checker",
        "checkerboard, checkered, chequered, checker, chessboard, checkered tile, tile, ceramic tile, tiled",
        "#f0eee8 #20242c #8a8a88", tied=1, repeats=7, gloss=0.5, relief=0.6, upright=True),
    _material(
        "mineral", "lava",
        "lava, lava rock, magma, molten lava, molten rock, molten, burning ember, ember, fire, flame, flaming, "
        "burning coal",
        "#241f1f #e03404 #ffb028", tied=0, repeats=8, relief=1.2),
    _material(
        "mineral", "cracked_earth",
        "cracked earth, cracked mud, dried mud, dry mud, mud, cracked clay, clay, cracked soil, parched earth, "
        "terracotta, cracked",
        "#a98660 #3c2a1c", repeats=9),
    _material(
        "mineral", "ice",
        "ice, frozen ice, frost, frosted ice, icy, glacier ice, frozen",
        "#cfe8f4 #5f9cc4 #f8fcff", tied=2, repeats=8, gloss=0.9, mirror=0.15),
    _material(
        "mineral", "crystal",
        "crystal, gemstone, gem, diamond, faceted crystal, jewel, quartz, amethyst crystal, glass, glass shard, "
        "cut glass, geode",
        "#8fc8e0 #f8feff", repeats=10, gloss=0.9, mirror=0.2),
    _material(
        "mineral", "porcelain",
        "porcelain, painted porcelain, china, ceramic, glazed ceramic, blue and white porcelain, pottery, delft, "
        "glazed porcelain",
        "#f2f1ee #2348a0", tied=0, repeats=6, gloss=0.9, mirror=0.08, relief=0.1),
    _material(
        "mineral", "concrete",
        "concrete, cement, plaster, stucco, cast concrete",
        "#a09c96", repeats=10, relief=0.7),
    _material(
        "mineral", "sand",
        "sand, sandpaper, sandy, gritty, granular, cork, corkboard",
        "#c8a878", repeats=10, relief=0.6),
    # Metal and made things.
    _material(
        "mineral", "chrome",
        "chrome, polished chrome, mirror, mirror chrome, liquid metal, polished metal, polished steel, polished "
        "silver, mercury, chromed",
        "#d4d8dc", repeats=4, gloss=1.0, mirror=1.0, relief=0.2),
    _material(
        "mineral", "brushed",
        "brushed metal, brushed steel, metal, steel, metallic, aluminum, aluminium, iron, tin, stainless steel, "
        "titanium, silver metal, metallic paint",
        "#aab0b6", repeats=8, gloss=0.8, mirror=0.35, relief=0.5),
    _material(
        "mineral", "gold_foil",
        "gold foil, gold leaf, gold, gilded, golden metal, crumpled foil, foil, hammered gold, tin foil, bronze, "
        "brass, copper",
        "#d8a434", repeats=14, gloss=1.0, mirror=0.5, relief=0.8),
    _material(
        "mineral", "rust",
        "rust, rusty metal, rusted iron, rusted, rusty, corroded metal, rusted metal, rusty iron, corroded",
        "#5c3420 #b4622a #4a4642", tied=2, repeats=8),
    _material(
        "mineral", "riveted",
        "riveted steel, riveted metal, steel plate, metal plate, armor plate, armour plate, plate armor, armor, "
        "armour, riveted steel plate, riveted",
        "#8e949a", repeats=10, gloss=0.7, mirror=0.2, relief=1.3, upright=True),
    _material(
        "mineral", "circuit",
        "circuit board, circuit, circuitry, printed circuit board, electronics, motherboard, microchip",
        "#14582f #d8b45c #16181a", repeats=16, gloss=0.4, relief=0.7, upright=True),
    _material(
        "mineral", "bubble_wrap",
        "bubble wrap, bubble, bubbly, foam bubble, soap bubble",
        "#c8d8e0", repeats=11, gloss=0.9, mirror=0.1, relief=1.2),
    _material(
        "mineral", "plastic",
        "plastic, glossy plastic, vinyl, rubber, latex, enamel, wax, lacquer, resin, toy plastic, glossy enamel",
        "#e0483c", repeats=4, gloss=1.0, mirror=0.06, relief=0.1),
    _material(
        "mineral", "galaxy",
        "galaxy, starry sky, starry night, nebula, cosmos, night sky, star field, starry",
        "#0b0e28 #3c2c88 #c0508c", tied=3, repeats=10, relief=0.0),
    # Wood, plants, skins, food.
    _material(
        "living", "wood",
        "wood, wood grain, wooden, wood plank, wooden plank, oak, oak wood, pine wood, timber, mahogany wood, "
        "walnut wood, driftwood, bamboo, carved wood, plywood, teak",
        "#c2935a #7c4c26", tied=2, repeats=8, gloss=0.15, relief=0.6, upright=True),
    _material(
        "living", "bark",
        "bark, tree bark, bark-like skin, pine bark, tree trunk, pine cone, rough bark",
        "#7a624a #241a12", repeats=9, relief=1.3, upright=True),
    _material(
        "living", "moss",
        "moss, mossy, moss covered, grass, turf, lichen, algae, lawn, grassy",
        "#4f7a2c #4a3a22", repeats=8, relief=1.0),
    _material(
        "living", "leaves",
        "leaves, leafy, foliage, ivy, leaf, vine, autumn leaf, petal, flower, floral",
        "#3f7a34 #6a9a3c", tied=2, repeats=11),
    _material(
        "living", "honeycomb",
        "honeycomb, hexagonal honeycomb, hexagon, hexagonal, wax comb, beehive, hive",
        "#e0ac38 #b8741a", tied=2, repeats=10, relief=1.2),
    _material(
        "living", "scales",
        "scales, fish scale, dragon scale, reptile scale, snake skin, snakeskin, metallic scale, reptile skin, "
        "reptilian, scaly, scaly skin, scaled, crocodile skin, crocodile, lizard skin, pangolin, mermaid scale",
        "#4c8470 #7cc0a8", tied=2, repeats=11, gloss=0.5, relief=1.2),
    _material(
        "living", "feathers",
        "contour feathers, feather, feathered, plumage, feathery, down feather, fluffy feather, downy",
        "#8c7a64 #d8c8ac", tied=1, repeats=9, relief=0.8, upright=True),
    _material(
        "living", "leather",
        "leather, elephant skin, wrinkled skin, rhino hide, hide, stitched leather, pebbled leather, rhinoceros "
        "skin, crinkled leather, toad skin",
        "#7c5c44", repeats=14, gloss=0.25),
    _material(
        "living", "cheese",
        "cheese, swiss cheese, cheese hole, emmental, sponge, spongy, porous",
        "#f2c850 #d8a030", tied=2, repeats=8, relief=1.2),
    _material(
        "living", "watermelon",
        "watermelon, watermelon rind, melon rind, melon",
        "#2c6a34 #9cc474", tied=2, repeats=6, gloss=0.35, relief=0.2, upright=True),
    _material(
        "living", "cactus",
        "cactus, cactus spine, thorn, thorny, spiky, spine, prickly, porcupine quill, quill",
        "#4f8a4c #ece4c4", repeats=10, relief=1.2, upright=True),
    # Coats and plumages.
    _material(
        "living", "fur",
        "fur, shaggy fur, long hair, shaggy, fluffy, furry, hair, hairy, wiry coat, wiry, silky, shag carpet, "
        "carpet, fluffy coat",
        "#b08c66 #5c4430", tied=2, repeats=8, relief=0.8, upright=True),
    _material(
        "living", "leopard",
        "leopard, leopard print, leopard spot, jaguar, rosette, cheetah, cheetah print, ocelot, leopard skin",
        "#d8aa68 #2c1c12 #b07838", repeats=9, relief=0.3),
    _material(
        "living", "zebra",
        "zebra, zebra stripe, zebra print, zebra striped",
        "#f0ebe2 #1c1a1a", repeats=7, relief=0.2),
    _material(
        "living", "tiger",
        "tiger, tiger stripe, tiger striped, brindle, brindled, tabby, mackerel tabby, tabby stripe",
        "#d08a3c #20140c #f0dcb8", repeats=8, relief=0.3),
    _material(
        "living", "giraffe",
        "giraffe, giraffe print, giraffe patch, tortoise shell pattern, reticulated",
        "#ecd8ac #8c5226", repeats=8, relief=0.3),
    _material(
        "living", "patches",
        "patches, patch, patchy, piebald, pinto, calico, tortoiseshell, two-tone, bicolor, bicolored, bicolour, "
        "parti-color, parti-colored, cow print, cow, holstein, harlequin, tricolor, tricolour, patched, tuxedo, "
        "saddle, blotched",
        "#ece6da #3a2c22", repeats=4, relief=0.3),
    _material(
        "living", "spots",
        "spots, spot, spotted, polka dot, polka dotted, dot, dotted, dalmatian, dalmatian spot, round spot, "
        "ladybug",
        "#8a2c26 #ece4d4", repeats=8, relief=0.2),
    _material(
        "living", "speckles",
        "speckled, speckle, speckling, ticked, ticking, roan, fleck, flecked, freckled, freckle, mottled, "
        "mottling, salt and pepper, grizzled, merle, dappled, dapple, streaked, streaky, speckled plumage",
        "#3c2e24 #cbb698", coat=True, repeats=14, relief=0.3),
    _material(
        "living", "bars",
        "barred, bar, barring, barred plumage, barred feather, banded, hawk barring",
        "#54402c #d8c4a0", coat=True, repeats=13, relief=0.5, upright=True),
    _material(
        "living", "stripes",
        "stripes, stripe, striped, pinstripe, candy stripe, pinstriped, racing stripe",
        "#24324c #ece8e0", repeats=6, relief=0.1),
    _material(
        "living", "iridescent",
        "iridescent, iridescence, iridescent sheen, peacock, oil slick, holographic, rainbow, opal, opalescent, "
        "mother of pearl, pearlescent, glossy plumage, rainbow sheen",
        "#1f6a5c #2c4cae #6a2c96 #127c8c", tied=4, repeats=5, gloss=0.7, mirror=0.12, relief=0.3),
    _material(
        "living", "camouflage",
        "camouflage, camo, camouflage pattern, military camouflage, army camouflage",
        "#7a7a52 #3c4a2a #5a4630 #1f221a", tied=4, repeats=5, relief=0.1),
)  # fmt: skip

MATERIALS: Mapping[str, Material] = MappingProxyType({material.name: material for material in _ALL})
