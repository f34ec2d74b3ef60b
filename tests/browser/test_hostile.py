"""A hundred prompts that mean harm to whoever reads them: none does anything, all can be read."""

import unicodedata
from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from tests.browser.door import Watched
from tests.review.desk_world import DeskWorld

pytestmark = pytest.mark.browser

Desk = Callable[..., Watched]

MARKUP = [
    "<script>window.ran = 1</script>", "<script src=//elsewhere.example/x.js></script>", "<ScRiPt>alert(1)</sCrIpT>",
    "<script type=module>import('//elsewhere.example/x.js')</script>", "<img src=x onerror=alert(2)>",
    "<img src=//elsewhere.example/p.png>", "<svg onload=alert(3)>", "<svg><script>alert(4)</script></svg>",
    "<svg><use href=//elsewhere.example/s.svg#a></svg>", "<math><mi xlink:href=javascript:alert(5)>m</mi></math>",
    "<iframe src=javascript:alert(6)></iframe>", "<iframe srcdoc='<script>parent.ran=1</script>'></iframe>",
    "<object data=//elsewhere.example/o>", "<embed src=//elsewhere.example/e>", "<base href=//elsewhere.example/>",
    "<meta http-equiv=refresh content='0;url=//elsewhere.example/'>", "<link rel=stylesheet href=//elsewhere.example/>",
    "<style>*{display:none}</style>", "<p style='position:fixed;inset:0;background:#fff'>all is well</p>",
    "<a href=javascript:alert(7)>look</a>", "<form action=//elsewhere.example/><button>Continue</button></form>",
    "<input autofocus onfocus=alert(8)>", "<body onload=alert(9)>", "<details open ontoggle=alert(10)>more</details>",
    "<video><source onerror=alert(11)></video>", "<audio src=//elsewhere.example/a autoplay>",
    "<marquee onstart=alert(12)>", "<template><script>alert(13)</script></template>",
    "<!-- --!><script>alert(14)</script>",
    "--></textarea></title></style></script><script>alert(15)</script>", "]]><![CDATA[<script>alert(16)</script>",
    "</p></section></main><h1>Approved already</h1>", "<div id=page hx-get=/accounts/logout/ hx-trigger=load>",
    "<div data-hx-post=/review/break/begin data-hx-trigger=load>",
    "<p hx-on:click=alert(17) hx-vals='js:{a:alert(18)}'>",
    "<meta name=htmx-config content='{\"allowEval\":true}'>", "<p hx-swap-oob=true id=page>gone</p>",
    "<button data-commit>Approve</button>", "<input name=outcome value=approve checked>",
    "<noscript><p title='</noscript>",
    '"><script>alert(19)</script>', "'-alert(20)-'", "` onmouseover=alert(21) `", "\" autofocus onfocus=alert(22) x=\"",
    "&lt;script&gt;alert(23)&lt;/script&gt;", "&#60;script&#62;alert(24)", "&amp;amp; &nbsp; &zwnj; &#x202e; &bogus;",
    "javascript:alert(25)", "data:text/html,<script>alert(26)</script>",
    "\\u003cscript\\u003ealert(27)\\u003c/script\\u003e",
]  # fmt: skip
TEMPLATES = [
    "{{ request.user.password }}", "{% debug %}", "{% include 'review/_keys.html' %}", "{# hidden #}", "{{ 7|add:7 }}",
    "${7*7}", "#{7*7}", "<%= 7*7 %>", "{{constructor.constructor('alert(28)')()}}", "[[${7*7}]]", "%(asctime)s %s %n",
    "{0.__class__.__mro__}", "$(touch /tmp/ran) `id` ; rm -rf /", "'; DROP TABLE review_case; --",
    "../../../etc/passwd",
]  # fmt: skip
HIDDEN = [
    f"a quiet{character}street {index}"
    for index, character in enumerate(
        "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\u200e\u200f\u061c"  # what turns the line round
        "\u200b\u200c\u200d\u2060\ufeff\u00ad\u180e\u2061\u034f\ufe0f\u3164\U000e0041"  # what is not there
        "\u2028\u2029\x01\x1b\x7f\x85\u00a0\u3000"  # what moves it
    )
]
NULLS = ["null", "undefined", "NaN", "\\0", "%00", "None", "[object Object]", "\ue000\U000f0000"]
OTHERS = [
    "\u202egnp.exe\u202c is a picture", "p\u0430yp\u0430l and \u0391pple",
    "\u05e9\u05dc\u05d5\u05dd <b>\u05e2\u05d5\u05dc\u05dd</b>",
    "\u0645\u0631\u062d\u0628\u0627 (1) <i>2</i> [3]",
    "Z\u0351\u036b\u0343\u036a\u0302\u036b\u033d\u034f\u0334algo rises",
    "W" * 3000, "\u202e" * 200, "\U0001f468\u200d\U0001f469\u200d\U0001f467 family", "  \t  ", "x\r\ny\tz",
    "by hand", "\U0001d4d0\U0001d4d1", "#", "?",
]  # fmt: skip
ALL = [*MARKUP, *TEMPLATES, *HIDDEN, *NULLS, *OTHERS]
A_PAGE = 6  # half of them in the prompt, half in the negative prompt

# What the eye cannot tell from something else, said here without the code under test.
IMITATIONS = set("\u0430\u0391")
INVISIBLE = set("\u034f\ufe0f\u3164")
READ = """(words) => [...words.childNodes].map((node) =>
    node.nodeType === Node.ELEMENT_NODE && node.classList.contains('named') ? '\\u25a1' : node.textContent).join('')"""


def is_hidden(character: str) -> bool:
    kind = unicodedata.category(character)
    invisible = kind in ("Cc", "Cf", "Co", "Cs", "Zl", "Zp") or character in INVISIBLE
    return (invisible and character != "\n") or (kind == "Zs" and character != " ") or character in IMITATIONS


def boxed(text: str) -> str:
    """The text as it should be read, with a square for each named box."""
    return "".join("\u25a1" if is_hidden(character) else character for character in text)


def check_readable(page: Page, texts: tuple[str, str]) -> None:
    shown = page.locator(".words").all()
    assert [words.evaluate(READ) for words in shown] == [boxed(text) for text in texts]
    boxes = page.locator(".words .named").evaluate_all("(all) => all.map((each) => each.getBoundingClientRect().width)")
    assert len(boxes) == sum(map(is_hidden, "".join(texts)))
    assert all(width > 10 for width in boxes)
    whole = page.evaluate("document.documentElement.outerHTML")
    assert not [
        character for character in whole if is_hidden(character) and character not in "\t\r" + "".join(IMITATIONS)
    ]
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_there_are_a_hundred_of_them_all_different() -> None:
    assert len(set(ALL)) == len(ALL) >= 100
    assert len(ALL) % A_PAGE == 0 or len(ALL) % A_PAGE > A_PAGE // 2  # no negative prompt is empty


def test_of_a_hundred_hostile_prompts_none_runs_and_all_can_be_read(world: DeskWorld, desk: Desk) -> None:
    half = A_PAGE // 2
    pages = [ALL[n : n + A_PAGE] for n in range(0, len(ALL), A_PAGE)]
    texts = [("\n".join(each[:half]), "\n".join(each[half:])) for each in pages]
    for prompt, negative_prompt in texts:
        world.held_prompt(prompt, negative_prompt=negative_prompt)
    watched = desk("rita")
    page = watched.page
    watched.take()
    document = page.evaluate_handle("document")

    for n, each in enumerate(texts):
        check_readable(page, each)
        assert page.locator("main button[data-commit]").count() == 1
        before = page.url
        page.keyboard.press("a")
        watched.commit()
        expect(page).not_to_have_url(before)
        if n + 1 < len(texts):
            watched.ready()
            assert page.evaluate("(before) => before === document && !('ran' in window)", document)

    expect(page.get_by_role("heading", name="Nothing waits here")).to_be_visible()
