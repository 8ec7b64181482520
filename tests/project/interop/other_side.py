# A Python session for tests/project/interop: a line that comes in holds code and the values that it names,
# the line that goes out what the code gave or raised.
import ast
import asyncio
import inspect
import json
import signal
import sys

SECONDS = 60
names = {}


async def run(code):
    options = {"filename": "<test>", "flags": ast.PyCF_ALLOW_TOP_LEVEL_AWAIT}
    try:
        code = compile(code, mode="eval", **options)
    except SyntaxError:
        code = compile(code, mode="exec", **options)
    value = eval(code, names)
    return await value if inspect.iscoroutine(value) else value


for line in sys.stdin:
    signal.alarm(SECONDS)  # a call that hangs ends the session, and so fails the test
    request = json.loads(line)
    names.update(request["values"])
    try:
        answer = {"gave": asyncio.run(run(request["code"]))}
    except BaseException as error:  # python-jam's own are no Exceptions
        answer = {"raised": type(error).__name__, "message": str(error)}
    signal.alarm(0)
    print(json.dumps(answer), flush=True)
