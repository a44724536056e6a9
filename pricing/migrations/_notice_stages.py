"""The notices as shipped. Afterwards they belong to whoever edits them in the admin."""

SIGNED = """\
{{ right_to_cancel }}

CircleTel
"""
TERMS = """\
Service: {{ package_name }}, subscription {{ subscription_number }}
Price now: {{ old_price }} a month, {{ vat_words }}
New price: {{ new_price }} a month, {{ vat_words }}
First bill at the new price: {{ first_bill_date }}
{{ total_words }}
"""
STAGES = (
    {
        "code": "announcement",
        "name": "At publication",
        "occasion": "published",
        "days": 0,
        "required": True,
        "subject": "The price of {{ package_name }} changes on {{ first_bill_date }}",
        "body": "Dear {{ customer_name }}\n\nThe price of your service changes.\n\n"
        + TERMS
        + "\n{{ customer_message }}\n\nUntil then you pay what you pay now. You need not do anything.\n\n"
        + SIGNED,
    },
    {
        "code": "one-month",
        "name": "One month before",
        "occasion": "before",
        "days": 30,
        "required": True,
        "subject": "Reminder: the price of {{ package_name }} changes on {{ first_bill_date }}",
        "body": "Dear {{ customer_name }}\n\nWe wrote to you that the price of your service changes. This is a"
        " reminder.\n\n" + TERMS + "\n{{ customer_message }}\n\n" + SIGNED,
    },
    {
        "code": "one-week",
        "name": "One week before",
        "occasion": "before",
        "days": 7,
        "required": False,
        "subject": "{{ package_name }}: new price from {{ first_bill_date }}",
        "body": "Dear {{ customer_name }}\n\nSoon the price of your service changes, as we wrote to you before.\n\n"
        + TERMS
        + "\n{{ customer_message }}\n\n"
        + SIGNED,
    },
    {
        "code": "receipt",
        "name": "After the effective date",
        "occasion": "receipt",
        "days": 0,
        "required": False,
        "subject": "The price of {{ package_name }} has changed",
        "body": "Dear {{ customer_name }}\n\nThe price of your service has changed, as we wrote to you before.\n\n"
        "Service: {{ package_name }}, subscription {{ subscription_number }}\n"
        "Old price: {{ old_price }} a month, {{ vat_words }}\n"
        "New price: {{ new_price }} a month, {{ vat_words }}\n"
        "First bill at the new price: {{ first_bill_date }}\n{{ total_words }}\n\n"
        "If a bill says anything else, please tell us.\n\n" + SIGNED,
    },
    {
        "code": "withdrawal",
        "name": "When the change is withdrawn",
        "occasion": "withdrawn",
        "days": 0,
        "required": False,
        "subject": "The price of {{ package_name }} does not change",
        "body": "Dear {{ customer_name }}\n\nWe wrote to you that the price of your service would change to"
        " {{ new_price }} a month. That does not happen.\n\n"
        "Service: {{ package_name }}, subscription {{ subscription_number }}\n"
        "Your price stays: {{ old_price }} a month, {{ vat_words }}\n\n"
        "You need not do anything. Should the price ever change, we will write to you first.\n\nCircleTel\n",
    },
)
