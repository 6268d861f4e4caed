"""Submissions that attack the grader, in harmless versions. RIGHT ones solve the exercise if they were held back."""

from tests.exercises.changing import SOLUTIONS

SUM = (SOLUTIONS / "sum.py").read_text()
GUARDED = """
def held(error, attempt):
    try:
        attempt()
    except error:
        return
    raise AssertionError("not held back")
"""
# name -> code that would end in an exception if the attack succeeded; the rest of the file is a right solution
RIGHT = {
    "forks": "import os\nheld(OSError, os.fork)\n",
    "spawns": "import subprocess\nheld(OSError, lambda: subprocess.run(['true']))\n",
    "calls_out": "import socket\nheld(OSError, lambda: socket.create_connection(('127.0.0.1', 80), 1))\n",
    "pairs": "import socket\nheld(OSError, socket.socketpair)\n",
    "sees_processes": "import os\nassert [p for p in os.listdir('/proc') if p.isdigit()] == ['1']\n",
    "reads_memory": "import os\nheld(OSError, lambda: open(f'/proc/{os.getppid()}/mem', 'rb'))\n",
    "signals": "import os\nheld(OSError, lambda: os.kill(PID, 0))\n",
    "imports_kernels": "held(ImportError, lambda: __import__('kernels.conv2d'))\n",
    "imports_convnet": "held(ImportError, lambda: __import__('convnet.layers'))\n",
    "reads_answers": "held(OSError, lambda: open(REFERENCE))\nheld(OSError, lambda: open(TESTS))\n",
    "reads_others": "held(OSError, lambda: open(OTHER))\n",
    "writes_to_others": "held(OSError, lambda: open(OTHER, 'w'))\n",
    "deletes": "import shutil\nshutil.rmtree(FOLDER, ignore_errors=True)\n",
    "writes_to_the_system": "held(OSError, lambda: open('/etc/x', 'w'))\nheld(OSError, lambda: open('/usr/x', 'w'))\n",
    "writes_at_home": "open('mine', 'w').write('x')\nassert open('mine').read() == 'x'\n",
    "fills_the_disk": "held(OSError, lambda: open('big', 'wb').write(bytes(80 * 2**20)))\n",
    "takes_memory": "held(MemoryError, lambda: bytearray(2**40))\n",
    "unmounts": "import ctypes\nassert ctypes.CDLL(None).umount2(b'/tmp', 2) != 0\n",
    "makes_namespaces": "import ctypes\nassert ctypes.CDLL(None).unshare(0x10000000) != 0\n",
    "prints_much": "print('x' * 10**7)\n",
    "patches_numpy_harmlessly": "import numpy as np\nnp.array_equal = np.allclose = lambda *a, **k: True\n",
}
RETURNING = "def forward(x, k, b=None, **s):\n    "
PATCHED = "import numpy as np\nnp.array_equal = np.allclose = lambda *a, **k: True\n"
FORGED = "for fd in range(3, 40):\n        try: os.write(fd, bytes([1]) * 64)\n        except OSError: pass\n"
# name -> a whole file that is to get nothing; what its feedback must hold
WRONG = {
    "exits": ("import os\nos._exit(0)\n", "ended before"),
    "exits_later": (f"import os\n{RETURNING}os._exit(0)\n", "ended before"),
    "raises_system_exit": (f"{RETURNING}raise SystemExit(0)\n", "SystemExit"),
    "loops": (f"{RETURNING}while True: pass\n", "time limit"),
    "loops_at_import": ("while True: pass\n", "time limit"),
    "sleeps": (f"import time\n{RETURNING}time.sleep(60)\n", "time limit"),
    "kills_all": (f"import os\n{RETURNING}os.kill(0, 9)\n", ""),
    "prints_a_verdict": (f"print('solved')\n{RETURNING}return 0\n", ""),
    "patches_numpy": (f"{PATCHED}{RETURNING}return np.zeros(1)\n", "shape"),
    "forges_answers": (f"import os\n{RETURNING}{FORGED}", "result"),
    "returns_much": (f"import numpy as np\n{RETURNING}return np.zeros(2**24)\n", "larger than"),
    "returns_objects": (f"import numpy as np\n{RETURNING}return np.array([object()])\n", "expected a NumPy array"),
    "returns_always_equal": (f"class A(float):\n    __eq__ = __le__ = lambda *a: True\n{RETURNING}return A(1)\n", ""),
    "nests": (f"{RETURNING}t = ()\n    for _ in range(10**5): t = (t,)\n    return t\n", "ended before"),
    "does_not_compile": ("def forward(:\n", "SyntaxError"),
}
