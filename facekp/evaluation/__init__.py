"""Metrics, the evaluation of one predictor, and the comparison of several."""
