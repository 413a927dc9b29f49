"""How a model travels: releases, deployments, promotions, all told by git."""
