"""What Zoho calls, apart from what our own people and programs do."""

from django.urls import path

from reconciliation.api.hints import crm_hints

urlpatterns = [path("crm-hints", crm_hints, name="zoho-crm-hints")]
