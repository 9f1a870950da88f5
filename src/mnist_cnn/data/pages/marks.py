"""Marks that stand beside digits, as strokes, and which characters cannot be told from a digit. Data only.

A mark is written as in `glyphs`, but in units of a digit's height, y downwards from 0 at its top to 1 at its foot.
"""

MARKS: dict[str, tuple[str, ...]] = {
    "-": ("0,.55 .45,.55", "0,.5 .7,.5"),
    "–": ("0,.55 .9,.55",),
    "+": ("0,.55 .6,.55|.3,.25 .3,.85",),
    "=": ("0,.42 .55,.42|0,.66 .55,.66",),
    "×": ("0,.35 .45,.85|.45,.35 0,.85",),
    "÷": ("0,.55 .6,.55|.3,.3 .3,.31|.3,.8 .3,.81",),
    "*": ("0,.3 .4,.7|.4,.3 0,.7|.2,.22 .2,.78",),
    "/": (".4,-.05 0,1.1", ".55,0 0,1"),
    ".": ("0,1 .01,1",),
    ",": (".06,.95 .08,1 0,1.2", "~.05,.95 .09,1.05 0,1.22"),
    ":": ("0,.35 .01,.35|0,.9 .01,.9",),
    ";": (".06,.4 .07,.4|.06,.95 .08,1 0,1.2",),
    "(": ("~.25,-.1 .05,.2 0,.5 .05,.85 .25,1.1",),
    ")": ("~0,-.1 .2,.2 .25,.5 .2,.85 0,1.1",),
    "[": (".2,-.05 0,-.05 0,1.05 .2,1.05",),
    "]": ("0,-.05 .2,-.05 .2,1.05 0,1.05",),
    "<": (".5,.25 0,.55 .5,.85",),
    ">": ("0,.25 .5,.55 0,.85",),
    "%": (".6,0 0,1|~.1,0 .25,.15 .1,.3 -.05,.15 .1,0|~.55,.7 .7,.85 .55,1 .4,.85 .55,.7",),
    "#": (".2,0 .1,1|.55,0 .45,1|0,.33 .65,.33|0,.67 .65,.67",),
    "√": ("0,.6 .12,.5 .3,1 .5,-.1 1.3,-.1",),
    "?": ("~0,.2 .25,0 .5,.2 .3,.5 .25,.7|.25,.97 .26,.98",),
    "!": ("0,0 0,.7|0,.97 .01,.98",),
    "'": (".05,0 0,.2",),
    '"': (".05,0 0,.2|.2,0 .15,.2",),
    "€": ("~.7,.12 .4,0 .1,.3 .1,.7 .4,1 .7,.88|-.05,.4 .5,.4|-.05,.6 .45,.6",),
    "£": ("~.6,.15 .4,0 .2,.15 .25,.5 .2,.85 0,1|0,1 .65,1|0,.55 .45,.55",),
    "$": ("~.55,.2 .3,.08 .05,.25 .3,.5 .55,.72 .3,.92 0,.8|.3,-.08 .3,1.08",),
    "~": ("~0,.6 .15,.5 .3,.6 .45,.5",),
    "✓": ("0,.6 .25,1 .8,0", "~0,.65 .2,1 .5,.4 .8,0"),
    "→": ("0,.55 .9,.55|.65,.35 .9,.55 .65,.75",),
    "□": ("0,.15 .8,.15 .8,.95 0,.95 0,.15",),
    "∑": ("~.7,0 .4,0 0,0|0,0 .4,.5 0,1|0,1 .7,1",),
    "∫": ("~.4,-.1 .25,-.1 .2,.3 .2,.7 .15,1.1 0,1.1",),
    "π": ("0,.35 .7,.35|.2,.35 .15,1|.5,.35 .55,1",),
}

LIKE_DIGITS = frozenset("OoQDIil|SsZzgqbByJj!()/\\GTtYU?a&")
"""Characters that, standing alone, a person may take for a digit."""

TALL = frozenset("bdfhklt")
DEEP = frozenset("gjpqy")
"""Lower-case letters that rise above the others, and that reach below the line; f is among the former."""

VOCABULARY = """
the of and to in is it you that he was for on are as with his they at be this have from or one had by word but
not what all were we when your can said there use an each which she do how their if will up other about out many
then them these so some her would make like him into time has look two more write go see number no way could
people my than first water been call who oil its now find long down day did get come made may part Name Date
Address City Phone Total Sum Price Amount Invoice Room Class Score Grade Exam Page Street Zip Code Signature Tel
Fax Nr No Mr Mrs Dear Monday Tuesday Wednesday Thursday Friday Saturday Sunday January February March April May
June July August September October November December Jan Feb Mar Apr Jun Jul Aug Sep Oct Nov Dec kg km cm mm ml
min sec pm am Uhr und der die das ist nicht ein eine mit auf Datum Nummer Strasse Betrag Summe Preis Menge le la
les une est pour dans avec que Nom Prenom Adresse sur par x y z sin cos tan log max lim abc Hello World Thanks
Meeting Buy milk eggs bread butter Call Bob Alice tomorrow Homework Math Physics Chapter Answer Question True
False yes Yes NO YES OK STOP EXIT OPEN SALE HOTEL TAXI MENU TOTAL DATE NAME TABLE LEVEL Solution Billing quizzes
biology sizzle goggles boss less lolli illegal SOS BIO OSLO ZOO IGLOO BOSS lazy qubit balls loops solo igloo
glossy buzz sobs SIZE GIZA
"""
WORDS = tuple(VOCABULARY.split())
"""Words to be written, among them many with letters that resemble digits."""
