"""Zoho's own Python SDK can write to the sandbox and read from it.

The SDK pins libraries that we use in other versions, so it lives in a folder of its own, named in
`ZOHO_CRM_SDK_DIR`: `pip install --target FOLDER zohocrmsdk8-0`.
"""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = os.environ.get("ZOHO_CRM_SDK_DIR", "")
pytestmark = pytest.mark.skipif(
    not (FOLDER and Path(FOLDER, "zohocrmsdk").is_dir()),
    reason="Zoho's SDK is not in ZOHO_CRM_SDK_DIR (pip install --target FOLDER zohocrmsdk8-0)",
)


def test_the_official_sdk_upserts_by_key_and_reads_back(zoho):
    key_field = zoho.unique_field("ct Package Key")

    answers = [
        subprocess.run(
            [sys.executable, Path(__file__).with_name("sdk_client.py"), zoho.url, key_field, "HF-100"],
            env=os.environ | {"PYTHONPATH": FOLDER},
            capture_output=True,
            text=True,
            check=False,
            timeout=60,
        )
        for _ in range(2)
    ]

    assert [answer.returncode for answer in answers] == [0, 0], answers[0].stderr
    [product] = zoho.records("crm_products")
    assert (product["Product_Name"], product[key_field]) == ("Made by the SDK", "HF-100")
    for answer in answers:
        assert json.loads(answer.stdout.splitlines()[-1]) == {
            "written": [{"status": "success", "code": "SUCCESS", "id": product["id"]}],
            "read": [{"id": product["id"], "name": "Made by the SDK", "key": "HF-100"}],
        }
