"""Zoho's own Python SDK (zohocrmsdk8_0) against a CRM: one upsert by key and one read. Prints what it understood.

A program of its own, because the SDK is a global and its dependencies are not ours.
`python sdk_client.py URL KEY_FIELD KEY`
"""

import json
import sys
import tempfile

from zohocrmsdk.src.com.zoho.api.authenticator import OAuthToken
from zohocrmsdk.src.com.zoho.api.authenticator.store import FileStore
from zohocrmsdk.src.com.zoho.crm.api import HeaderMap, Initializer, ParameterMap
from zohocrmsdk.src.com.zoho.crm.api.dc.data_center import DataCenter
from zohocrmsdk.src.com.zoho.crm.api.record import (
    BodyWrapper,
    Field,
    GetRecordsParam,
    Record,
    RecordOperations,
)
from zohocrmsdk.src.com.zoho.crm.api.sdk_config import SDKConfig


class Here(DataCenter):
    def get_iam_url(self) -> str:
        return f"{sys.argv[1]}/oauth/v2/token"

    def get_file_upload_url(self) -> str:
        return sys.argv[1]


def main(url: str, key_field: str, key: str) -> dict:
    folder = tempfile.mkdtemp()
    environment = DataCenter.Environment(url, f"{url}/oauth/v2/token", url)
    token = OAuthToken(
        client_id="sandbox-client", client_secret="sandbox-secret", refresh_token="sandbox-refresh"
    )
    Initializer.initialize(
        environment=environment,
        token=token,
        store=FileStore(f"{folder}/tokens"),
        sdk_config=SDKConfig(auto_refresh_fields=False, pick_list_validation=False),
        resource_path=folder,
    )
    record = Record()
    record.add_field_value(Field.Products.product_name(), "Made by the SDK")
    record.add_key_value(key_field, key)
    body = BodyWrapper()
    body.set_data([record])
    body.set_duplicate_check_fields([key_field])
    body.set_trigger([])
    operations = RecordOperations("Products")
    written = operations.upsert_records(body, HeaderMap())
    results = [
        {
            "status": str(result.get_status().get_value()),
            "code": str(result.get_code().get_value()),
            "id": str(result.get_details()["id"]),
        }
        for result in written.get_object().get_data()
    ]
    parameters = ParameterMap()
    parameters.add(GetRecordsParam.fields, f"Product_Name,{key_field}")
    listed = operations.get_records(parameters, HeaderMap()).get_object().get_data()
    read = [
        {
            "id": str(each.get_id()),
            "name": each.get_key_value("Product_Name"),
            "key": each.get_key_value(key_field),
        }
        for each in listed
    ]
    return {"written": results, "read": read}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(*sys.argv[1:])) + "\n")
