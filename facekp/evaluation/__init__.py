"""How good predictions are: metrics, the evaluation of one predictor, the comparison of several."""
